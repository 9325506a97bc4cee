/** The engine: owns a workspace. Everything a door needs of it. */
export { openEngine, type Engine } from './engine.ts';
export { localClient, reachEngine } from './client.ts';
export type { EngineOptions } from './options.ts';
export { createWorkspace, workspaceAt, workspacePath, type Workspace } from './store/workspace.ts';
export { lockHolder, WorkspaceBusyError, type LockInfo } from './store/lock.ts';
export { basinVersion } from './version.ts';
export { fetchable, fetchableNames, fetchDataSet, type DataSet, type FetchReport } from './data-fetch.ts';
export { checkWorkspace, rebuildCatalog, type RepairReport, type WorkspaceReport } from './doctor.ts';
