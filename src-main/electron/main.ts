/** The desktop app: one window on one engine. Here is the life of the process; what the window does is in workbench.ts. */
import { app } from 'electron';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../src-shared/errors.ts';
import { workspacePath } from '../engine/store/workspace.ts';
import { bringToFront, openFirst, respondToWindow, take } from './workbench.ts';
import { guardEverything } from './guard.ts';
import { launchSchema, readLaunch, wordsOf, type Launch } from './launch.ts';
import { declareScheme, servePages } from './pages.ts';

/** The same place however the app was started; also what "single instance" goes by. */
const settings = join(app.getPath('appData'), 'basin');
mkdirSync(settings, { recursive: true });
app.setPath('userData', settings);

const hasApp = (process as NodeJS.Process & { defaultApp?: boolean }).defaultApp === true;

function ownLaunch(): Launch {
  const launch = readLaunch(wordsOf(process.argv, hasApp), process.cwd());
  const workspace = launch.workspace ?? process.env.BASIN_WORKSPACE;
  return workspace ? { ...launch, workspace: workspacePath(workspace) } : launch;
}

/** Before Electron 16 a second start could hand over only its words, switches first: a value apart from its switch is lost. */
function theirLaunch(argv: readonly string[], cwd: string, data: unknown): Launch {
  const handed = launchSchema.safeParse(data);
  if (handed.success) return handed.data;
  return readLaunch(
    wordsOf(argv, hasApp).filter((word) => word !== '--workspace'),
    cwd,
  );
}

const launch = ownLaunch();

async function start(): Promise<void> {
  guardEverything();
  servePages();
  respondToWindow();
  if (await openFirst(launch.workspace)) await take({ ...launch, workspace: undefined });
}

if (app.requestSingleInstanceLock({ ...launch })) {
  declareScheme();
  const started = app.whenReady().then(start);
  app.on('second-instance', (_event, argv, cwd, data: unknown) => {
    void started.then(() => {
      bringToFront();
      return take(theirLaunch(argv, cwd, data));
    });
  });
  // The window decides; between two engines there is none for a moment.
  app.on('window-all-closed', () => undefined);
  started.catch((error: unknown) => {
    process.stderr.write(`basin: ${messageOf(error)}\n`);
    app.exit(1);
  });
} else {
  process.stderr.write('Basin is already open: switching to its window.\n');
  app.quit();
}
