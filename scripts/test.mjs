/**
 * `npm test [-- FOLDER-OR-NAME ...]`: setup, static checks, then the test suites. The last line on stdout is always
 * `N passed, N failed, N skipped`; the exit code is 1 where anything failed or nothing ran.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { staticChecks } from './lib/checks.mjs';
import { assertNode, ensureSetup } from './lib/ensure.mjs';
import { environment, foreground, inClone } from './lib/launch.mjs';
import { localFolder, modules } from './lib/paths.mjs';
import { testTools } from './lib/test-tools.mjs';

const wanted = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const say = (text) => process.stdout.write(`${text}\n`);

async function runChecks() {
  if (wanted.length) {
    const names = staticChecks().map((check) => check.name);
    say(`Skipped, because the run is narrowed to ${wanted.join(' ')}: ${names.join(', ')}.`);
    total.skipped += names.length;
    return;
  }
  const left = staticChecks();
  // Two at a time: each keeps one core busy.
  await Promise.all([runInTurn(left), runInTurn(left)]);
}

/** Runs what is left, one after the other, until nothing is; more than one such loop may take from the list. */
async function runInTurn(left) {
  for (let check = left.shift(); check; check = left.shift()) {
    const start = Date.now();
    const { ok, output } = await check.run();
    say(`${ok ? 'ok    ' : 'FAILED'} ${check.name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
    if (!ok) say(`${output}\n`);
    total[ok ? 'passed' : 'failed'] += 1;
    if (!ok) failures.push(check.name);
  }
}

/** Runs vitest; its counts come through a file, so that nothing has to be read off its output. */
async function runSuites(extra) {
  const counts = join(localFolder, `test-counts-${process.pid}.json`);
  mkdirSync(localFolder, { recursive: true });
  rmSync(counts, { force: true });
  const args = [join(modules, 'vitest', 'vitest.mjs'), 'run', '--reporter=default'];
  args.push(`--reporter=${inClone('scripts', 'lib', 'counting-reporter.mjs')}`, ...wanted);
  const code = await foreground(args, {
    cwd: inClone(),
    env: environment({ ...extra, BASIN_TEST_COUNTS: counts }),
  });
  const found = existsSync(counts) ? JSON.parse(readFileSync(counts, 'utf8')) : undefined;
  rmSync(counts, { force: true });
  if (!found) {
    total.failed += 1;
    failures.push(`vitest itself ended with code ${code} before its end`);
    return;
  }
  for (const key of ['passed', 'failed', 'skipped']) total[key] += found[key];
  failures.push(...found.failures);
  if (found.passed + found.failed === 0) {
    total.failed += 1;
    failures.push('no test ran');
  } else if (code !== 0 && found.failed === 0) {
    total.failed += 1;
    failures.push(`vitest ended with code ${code}`);
  }
}

async function main() {
  await ensureSetup();
  assertNode();
  const tools = await testTools({ install: process.env.CI === 'true', say });
  for (const line of tools.missing) say(`NOT TESTED HERE: ${line}`);
  await runChecks();
  await runSuites(tools.environment);
}

main()
  .catch((error) => {
    total.failed += 1;
    failures.push(error.message);
  })
  .finally(() => {
    if (failures.length) say(`\nFailed:\n${failures.map((name) => `  ${name}`).join('\n')}`);
    process.exitCode = total.failed ? 1 : 0;
    say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  });
