/** The engine: owns a workspace. What the desktop app, the command line and the server need of it. */
export { openEngine, type Engine } from './engine.ts';
export { reachEngine, reachHolder } from './client.ts';
export type { EngineOptions } from './options.ts';
export { workspacePath } from './store/workspace.ts';
export { WorkspaceBusyError } from './store/lock.ts';
export { fetchable, fetchableNames, fetchDataSet } from './data-fetch.ts';
export { embeddedNames, listDataSets } from './data-list.ts';
export { checkWorkspace, rebuildCatalog, type WorkspaceReport } from './doctor.ts';
