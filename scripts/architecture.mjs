/** `npm run architecture`: the import rules alone. */
import { architecture } from './lib/checks.mjs';
import { script } from './lib/launch.mjs';

script(async () => {
  const { ok, output } = await architecture().run();
  process.stdout.write(`${output}\n`);
  return ok ? 0 : 1;
});
