/**
 * CONTRIBUTING.md, "Adding an analysis", followed to the letter in a copy of the sources: three new files, one entry in each
 * of three tables, and nothing else. The analysis is checked, computed, cached, presented and drawn like any other.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const clone = fileURLToPath(new URL('../..', import.meta.url));

/** The three files. */
const files: Record<string, string> = {
  'src-shared/jobs/random-walk.ts': `
import { z } from 'zod';
import { seedSchema } from './common.ts';
import { defineJob } from './define.ts';

export const randomWalkJob = defineJob({
  kind: 'random-walk',
  version: 1,
  title: 'Random walk',
  summary: 'Distances that walks on a line have covered.',
  params: z.object({
    walks: z.int().positive().default(5).describe('independent walks').meta({ label: 'Walks' }),
    steps: z.int().positive().describe('steps of each walk').meta({ label: 'Steps per walk' }),
    seed: seedSchema.default(1).describe('decides every step').meta({ label: 'Seed', advanced: true }),
  }),
  result: z.object({ distances: z.array(z.int().nonnegative()), steps: z.int() }),
  lane: 'main',
  place: { view: 'symmetry', heading: 'Experiments' },
  cacheable: true,
});
`,
  'src-main/compute/random-walk.ts': `
import type { randomWalkJob } from '../../src-shared/jobs/random-walk.ts';
import type { ParamsOf, ResultOf } from '../../src-shared/jobs/define.ts';
import { checkpointCancel, type Compute } from './context.ts';
import { RandomStream } from './random.ts';

type Job = typeof randomWalkJob;

export const randomWalk: Compute<ParamsOf<Job>, ResultOf<Job>> = async ({ walks, steps, seed }, context) => {
  const distances: number[] = [];
  for (let walk = 0; walk < walks; walk++) {
    const random = new RandomStream(seed, walk);
    let place = 0;
    for (let step = 0; step < steps; step++) place += random.integer(2) === 0 ? -1 : 1;
    distances.push(Math.abs(place));
    await checkpointCancel(context);
  }
  return { distances, steps };
};
`,
  'src-shared/presentations/random-walk.ts': `
import { randomWalkJob } from '../jobs/random-walk.ts';
import { definePresenter } from './present.ts';

export const randomWalk = definePresenter(randomWalkJob, ({ distances, steps }) => ({
  verdict: \`The farthest of \${distances.length} walks covered a distance of \${Math.max(...distances)}.\`,
  tone: 'plain',
  facts: [['Steps', String(steps)]],
  table: { columns: ['walk', 'distance'], rows: distances.map((distance, i) => [i + 1, distance]) },
  figures: [
    {
      title: 'Distances of the walks',
      recipe: {
        kind: 'boxes',
        data: { label: 'distance', panels: [{ groups: [{ label: 'walks', values: distances }] }] },
      },
    },
  ],
  notes: [],
}));
`,
};

interface Table {
  file: string;
  /** The line behind which the table's entries begin. */
  start: string;
  entry: string;
  import?: string;
}

/** The three entries; the table of the worker imports when it is asked. */
const tables: Record<'job' | 'compute' | 'presenter', Table> = {
  job: {
    file: 'src-shared/jobs/index.ts',
    start: 'export const jobKinds = tableOf({',
    entry: "  'random-walk': randomWalkJob,",
    import: "import { randomWalkJob } from './random-walk.ts';",
  },
  compute: {
    file: 'src-main/worker/table.ts',
    start: 'export const computeTable: ComputeTable = {',
    entry: "  'random-walk': async () => (await import('../compute/random-walk.ts')).randomWalk,",
  },
  presenter: {
    file: 'src-shared/presentations/index.ts',
    start: 'export const presenters: { readonly [K in JobKindName]: Presenter<K> | null } = {',
    entry: "  'random-walk': randomWalk,",
    import: "import { randomWalk } from './random-walk.ts';",
  },
};

let root: string;
let workspace: string;

function enter({ file, start, entry, import: line }: Table): void {
  const path = join(root, file);
  const text = readFileSync(path, 'utf8');
  expect(text.split(`${start}\n`), `${file}: ${start}`).toHaveLength(2);
  const entered = text.replace(`${start}\n`, `${start}\n${entry}\n`);
  writeFileSync(path, line === undefined ? entered : `${line}\n${entered}`);
}

function node(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = { ...process.env, NO_COLOR: '1', BASIN_SETUP_DONE: '1', BASIN_BACKEND: 'cpu' };
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const out = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (out.stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...out }));
  });
}

const typecheck = (layer: 'shared' | 'main') => {
  const cache = ['--incremental', '--tsBuildInfoFile', join(root, `${layer}.tsbuildinfo`)];
  return node(['node_modules/typescript/bin/tsc', '-p', `tsconfig.${layer}.json`, ...cache]);
};

async function basin(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await node(['src-main/cli/basin.mjs', ...args, '--workspace', workspace]);
  expect(code, stderr).toBe(0);
  return stdout;
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'basin-new-analysis-'));
  workspace = join(root, 'workspace');
  for (const folder of ['src-shared', 'src-main', 'src-renderer', 'test/unit/jobs'])
    cpSync(join(clone, folder), join(root, folder), { recursive: true });
  const settings = ['base', 'shared', 'main', 'renderer'].map((layer) => `tsconfig.${layer}.json`);
  for (const file of [...settings, 'package.json', 'svelte.config.js', 'vitest.config.ts'])
    cpSync(join(clone, file), join(root, file));
  for (const folder of ['node_modules', 'resources']) symlinkSync(join(clone, folder), join(root, folder));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text.trimStart());
  }
});

afterAll(() => {
  rmSync(root, { recursive: true });
});

// The steps follow each other.
it('a kind that is declared alone is missing in the two other tables, and nowhere else', async () => {
  enter(tables.job);
  const { code, stdout } = await typecheck('main');
  expect(code).not.toBe(0);
  const errors = stdout.split('\n').filter((line) => /^\S+\(\d+,\d+\): error/.test(line));
  expect(errors.map((line) => /^[^(]+/.exec(line)![0]).toSorted(), stdout).toEqual(
    [tables.presenter.file, tables.compute.file].toSorted(),
  );
  for (const error of errors) expect(error).toContain('random-walk');
});

it('with an entry in each it is complete for the type checker', async () => {
  enter(tables.compute);
  enter(tables.presenter);
  expect(await typecheck('shared')).toMatchObject({ stdout: '', code: 0 });
  expect(await typecheck('main')).toMatchObject({ stdout: '', code: 0 });
});

it('is complete for the app, too', async () => {
  const args = ['--tsconfig', 'tsconfig.renderer.json', '--output', 'human', '--fail-on-warnings'];
  const { code, stdout } = await node(['node_modules/svelte-check/bin/svelte-check', ...args]);
  expect(code, stdout).toBe(0);
});

it('passes what every kind must', async () => {
  const { code, stdout, stderr } = await node(['node_modules/vitest/vitest.mjs', 'run', 'test/unit/jobs']);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toContain('declared.test.ts');
});

it('runs from the command line, with flags, a cache and a presentation', async () => {
  expect(await basin('run', '--help')).toMatch(/random-walk .*Random walk/);
  const help = await basin('run', 'random-walk', '--help');
  expect(help).toContain('--steps <N>');
  expect(help).toContain('independent walks (default: 5)');
  const ask = ['run', 'random-walk', '--steps', '9', '--walks', '3', '--seed', '4'];
  const { distances } = JSON.parse(await basin(...ask, '--json')) as { distances: number[] };
  expect(distances).toHaveLength(3);
  // An odd number of steps of length 1 never ends where it began.
  for (const distance of distances) expect([1, 3, 5, 7, 9]).toContain(distance);
  const shown = await basin(...ask);
  expect(shown).toContain(`The farthest of 3 walks covered a distance of ${Math.max(...distances)}.`);
  expect(shown).toContain('Distances of the walks');
  // Asked twice, computed once.
  const results = JSON.parse(await basin('results', '--json')) as {
    id: string;
    kind: string;
    title: string;
  }[];
  expect(results.map(({ kind, title }) => [kind, title])).toEqual([['random-walk', 'Random walk']]);
  await basin('figure', results[0]!.id, '--out', join(root, 'walk.svg'));
  expect(readFileSync(join(root, 'walk.svg'), 'utf8')).toContain('distance');
});

it('has its tab, its form and its place in the app', async () => {
  const script = `
    import { fieldsOf } from './src-renderer/analysis/fields.ts';
    import { resultPlace } from './src-renderer/state/result-places.ts';
    import { jobKindNamed, kindsUnder } from './src-shared/jobs/index.ts';
    import { paramSchema } from './src-shared/jobs/schema.ts';
    const { first, more } = fieldsOf(paramSchema(jobKindNamed('random-walk').params), []);
    const labels = [first, more].map((fields) => fields.map(({ label }) => label));
    const tabs = kindsUnder('symmetry', 'Experiments');
    console.log(JSON.stringify({ labels, place: resultPlace('random-walk'), isTab: tabs.includes('random-walk') }));
  `;
  const { stdout, stderr } = await node(['--input-type=module', '--eval', script]);
  expect(stdout, stderr).not.toBe('');
  expect(JSON.parse(stdout)).toEqual({
    labels: [['Walks', 'Steps per walk'], ['Seed']],
    place: 'symmetry',
    isTab: true,
  });
});
