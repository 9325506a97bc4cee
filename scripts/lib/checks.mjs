/** The static checks of `npm test`. Each counts as one test. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt } from './build.mjs';
import { environment, inClone } from './launch.mjs';
import { basinNode, modules } from './paths.mjs';
import { run } from './process.mjs';

/** Runs a JavaScript tool from node_modules under Basin's Node. */
async function tool(file, args) {
  const result = await run(basinNode(), [join(modules, file), ...args], {
    cwd: inClone(),
    env: environment(),
  });
  return { ok: result.code === 0, output: `${result.stdout}${result.stderr}`.trim() };
}

function holds(folder, extension) {
  if (!existsSync(inClone(folder))) return false;
  return readdirSync(inClone(folder), { recursive: true }).some((name) => String(name).endsWith(extension));
}

export function lint() {
  const args = ['.', '--max-warnings', '0', '--cache', '--cache-location', '.cache/eslint'];
  return { name: 'lint', run: () => tool('eslint/bin/eslint.js', args) };
}

export function formatting() {
  const args = ['--check', '.', '--log-level', 'warn', '--cache', '--cache-location', '.cache/prettier'];
  return { name: 'formatting', run: () => tool('prettier/bin/prettier.cjs', args) };
}

export function typechecks() {
  const tsc = (layer) => ({
    name: `typecheck ${layer}`,
    run: () => tool('typescript/bin/tsc', ['-p', `tsconfig.${layer}.json`]),
  });
  const checks = ['shared', 'main', 'test'].map(tsc);
  if (holds('src-renderer', '.svelte')) {
    const args = ['--tsconfig', 'tsconfig.renderer.json', '--output', 'human', '--fail-on-warnings'];
    checks.push({ name: 'typecheck renderer', run: () => tool('svelte-check/bin/svelte-check', args) });
  }
  return checks;
}

export function architecture() {
  const folders = ['src-shared', 'src-main', 'src-renderer'].filter((folder) => existsSync(inClone(folder)));
  const args = [...folders, '--config', '.dependency-cruiser.cjs', '--output-type', 'err-long'];
  return { name: 'architecture', run: () => tool('dependency-cruiser/bin/dependency-cruiser.mjs', args) };
}

/** The words of the glossary, in every text for people. */
export function words() {
  return {
    name: 'words',
    run: async () => {
      const main = inClone('scripts', 'lib', 'words', 'main.mjs');
      const result = await run(basinNode(), [main], { cwd: inClone(), env: environment() });
      return { ok: result.code === 0, output: `${result.stdout}${result.stderr}`.trim() };
    },
  };
}

export function build() {
  return {
    name: 'build',
    run: () =>
      ensureBuilt().then(
        () => ({ ok: true, output: '' }),
        (error) => ({ ok: false, output: error.message }),
      ),
  };
}

/** Lint takes longest and comes first: they are run two at a time. */
export function staticChecks() {
  const checks = [lint(), formatting(), ...typechecks(), architecture(), words()];
  if (existsSync(inClone('electron.vite.config.ts'))) checks.push(build());
  return checks;
}
