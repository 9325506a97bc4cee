/** `npm run bench [-- ARGS]`: the benchmarks under test/bench. */
import { foreground, inClone, script } from './lib/launch.mjs';

script(() => foreground([inClone('test', 'bench', 'index.ts'), ...process.argv.slice(2)]));
