/** `npm run demo [-- ARGS]`: set-up where needed, then `basin demo ARGS`. */
import { foreground, inClone, script } from './lib/launch.mjs';

script(() => foreground([inClone('src-main', 'cli', 'basin.mjs'), 'demo', ...process.argv.slice(2)]));
