/** `node scripts/gallery.mjs`: draws docs/gallery.md and its pictures again, and the outlines in test/golden/gallery. */
import { foreground, inClone, script } from './lib/launch.mjs';

const vitest = inClone('node_modules', 'vitest', 'vitest.mjs');
script(() => foreground([vitest, 'run', 'test/unit/figures/gallery.test.ts', '-u'], { cwd: inClone('.') }));
