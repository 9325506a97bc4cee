/** `npm start [-- ARGS]`: the workbench. */
import { foreground, inClone, script } from './lib/launch.mjs';

script(() => foreground([inClone('src-main', 'cli', 'basin.mjs'), 'serve', ...process.argv.slice(2)]));
