/** `npm run typecheck [-- LAYER]`: each layer against its own tsconfig, so that a layer sees only what it may. */
import { typechecks } from './lib/checks.mjs';
import { script } from './lib/launch.mjs';

script(async () => {
  const wanted = process.argv.slice(2);
  let failed = 0;
  for (const check of typechecks()) {
    if (wanted.length && !wanted.some((layer) => check.name.endsWith(layer))) continue;
    const result = await check.run();
    process.stdout.write(
      `${result.ok ? 'ok    ' : 'FAILED'} ${check.name}\n${result.ok ? '' : `${result.output}\n`}`,
    );
    if (!result.ok) failed += 1;
  }
  return failed === 0 ? 0 : 1;
});
