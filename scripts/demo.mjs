/** `npm run demo [-- ARGS]`: setup where needed, `basin demo ARGS`, and then the app on what the demo made. */
import { foreground, inClone, script } from './lib/launch.mjs';
import { openApp, workspaceArgs } from './lib/open-app.mjs';

const args = process.argv.slice(2);

/** Only for a person who sits in front of it. */
function opensAfterwards() {
  const asked = args.some((word) => ['--json', '--help', '-h', '--no-open'].includes(word));
  return !asked && process.env.CI !== 'true' && Boolean(process.stdout.isTTY && process.stdin.isTTY);
}

script(async () => {
  const own = args.filter((word) => word !== '--no-open');
  const code = await foreground([inClone('src-main', 'cli', 'basin.mjs'), 'demo', ...own]);
  if (code !== 0 || !opensAfterwards()) return code;
  return openApp(workspaceArgs(args));
});
