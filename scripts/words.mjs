/** `npm run words`: looks for banned words in all texts for people. */
import { words } from './lib/checks.mjs';
import { script } from './lib/launch.mjs';

script(async () => {
  const { ok, output } = await words().run();
  process.stdout.write(output === '' ? 'No banned words.\n' : `${output}\n`);
  return ok ? 0 : 1;
});
