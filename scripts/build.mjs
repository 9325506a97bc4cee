/** `npm run build`: the app's pages and the desktop's bundles, into out/. */
import { ensureBuilt } from './lib/build.mjs';
import { script } from './lib/launch.mjs';

script(async () => {
  process.stderr.write(`Built: ${await ensureBuilt({ say: (text) => process.stderr.write(`${text}\n`) })}\n`);
  return 0;
});
