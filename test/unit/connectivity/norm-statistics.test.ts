/** Norm statistics of points: estimated or of the batch, compiled or not, against float64; and what is refused. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { BackendName } from '../../../src-main/compute/backend/index.ts';
import type { AnalysisData } from '../../../src-main/compute/analysis-data.ts';
import { pointNormsOf } from '../../../src-main/compute/connectivity/norm-statistics.ts';
import type { NormPolicy } from '../../../src-main/compute/connectivity/norm-statistics.ts';
import { permutedVertex } from '../../../src-main/compute/connectivity/plan.ts';
import { evaluatePoints } from '../../../src-main/compute/connectivity/points.ts';
import type { Point, PointNorms } from '../../../src-main/compute/connectivity/points.ts';
import type { Examples } from '../../../src-main/compute/data/index.ts';
import { readRun } from '../../../src-main/compute/load-models.ts';
import { dataOf } from '../../../src-main/compute/networks/check-symmetries.ts';
import { hostValues } from '../../../src-main/compute/networks/host.ts';
import type { HostParameters } from '../../../src-main/compute/networks/host.ts';
import { mixArrays } from '../../../src-main/compute/networks/lines.ts';
import { inDoubles } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { allIdxFiles } from '../../../src-main/formats/data-sets.ts';
import { interpolateJob } from '../../../src-shared/jobs/interpolate.ts';
import { mergeJob } from '../../../src-shared/jobs/merge.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { goldenData, job } from '../../support/job.ts';
import { scaledBy, unchanged, writeOverflowingRun } from '../../support/overflowing-run.ts';
import { randomModels } from '../networks/random-models.ts';

function examplesOf(name: string, count: number): Examples {
  const stream = new RandomStream(3, name);
  const x = stream.normals(count * 12);
  return { count, features: 12, x, labels: Int32Array.from({ length: count }, () => stream.integer(5)) };
}

/** The parameters with the statistics of these rows in place of the running ones, one norm after the other. */
function byBatch(network: Network, given: HostParameters, x: Float64Array, unbiased: boolean) {
  const parameters = new Map(given);
  const seen = new Map<string, Float64Array>();
  const rows = x.length / 12;
  for (const { op, takes, parameters: words } of network.nodes) {
    if (op !== 'norm') continue;
    const values = hostValues(network, parameters, x).get(takes[0]!)!;
    const units = values.length / rows;
    const mean = new Float64Array(units);
    values.forEach((value, i) => (mean[i % units]! += value / rows));
    const variance = new Float64Array(units);
    values.forEach((value, i) => (variance[i % units]! += (value - mean[i % units]!) ** 2 / rows));
    parameters.set(words['running_mean']!.name, mean).set(words['running_var']!.name, variance);
    seen.set(words['running_mean']!.name, mean);
    seen.set(words['running_var']!.name, unbiased ? variance.map((v) => (v * rows) / (rows - 1)) : variance);
  }
  return { parameters, seen };
}

const rowsOf = ({ x, count }: Examples, batch: number): Float64Array[] =>
  Array.from({ length: Math.ceil(count / batch) }, (_, i) =>
    Float64Array.from(x.subarray(i * batch * 12, (i + 1) * batch * 12)),
  );

/** Mean cross entropy in float64, as PyTorch would have it. */
function exactLoss(
  network: Network,
  given: HostParameters,
  examples: Examples,
  { batch, train }: PointNorms,
) {
  let parameters = given;
  if (train) {
    const all = rowsOf(train, batch).map((x) => byBatch(network, given, x, true).seen);
    const mean = [...all[0]!.keys()].map((name) => {
      const sum = all[0]!
        .get(name)!
        .map((_, k) => all.reduce((total, each) => total + each.get(name)![k]!, 0));
      return [name, sum.map((value) => value / all.length)] as const;
    });
    parameters = new Map([...given, ...mean]);
  }
  let loss = 0;
  let row = 0;
  for (const x of rowsOf(examples, batch)) {
    const own = train ? parameters : byBatch(network, parameters, x, false).parameters;
    const logits = hostValues(network, own, x).get(network.graph.output)!;
    for (let start = 0; start < logits.length; start += 5, row++) {
      const each = logits.subarray(start, start + 5);
      loss += Math.log(each.reduce((sum, v) => sum + Math.exp(v), 0)) - each[examples.labels[row]!]!;
    }
  }
  return loss / examples.count;
}

/** A data set of its own: the first 60 digits of each file. */
function fewDigits(directory: string): string {
  mkdirSync(directory);
  for (const file of allIdxFiles) {
    const [header, size] = file.includes('images') ? [16, 784] : [8, 1];
    const packed = readFileSync(new URL(`../../../resources/data/mnist-10k/${file}.gz`, import.meta.url));
    const bytes = gunzipSync(packed).subarray(0, header + 60 * size);
    bytes.writeUInt32BE(60, 4);
    writeFileSync(join(directory, file), bytes);
  }
  return directory;
}

const mixes: Point[] = [
  [{ vertex: 0, weight: 1 }],
  [{ vertex: 2, weight: 1 }],
  [0, 1].map((vertex) => ({ vertex, weight: 0.5 })),
  [0, 2].map((vertex) => ({ vertex, weight: 0.5 })),
];
const ways = [
  ...(['eager', 'xla', 'graph'] as const).map((way) => [way, 'tensorflow'] as [typeof way, BackendName]),
  ['eager', 'wasm'] as ['eager', BackendName],
];

describe.each(ways)('points, %s on %s', (way, prefer) => {
  test.each([
    ['re-estimate', { batch: 100, train: examplesOf('train', 230) }],
    ['batch', { batch: 100 }],
  ])('%s: a last batch that is smaller, many portions, permuted ends', async (_name, norms: PointNorms) => {
    const { network, models } = randomModels({ family: 'syre', norm: 'batch' }, [1, 2]);
    const stream = new RandomStream(4, 'p');
    const { groups } = symmetriesOf(network);
    const permutations = new Map(groups.map(({ name, size }) => [name, stream.permutation(size)]));
    const vertices = [
      ...models.map((arrays) => ({ arrays })),
      permutedVertex(network, { vertex: 1, arrays: models[1]!, permutations }),
    ];
    const points = Array.from({ length: 100 }, (_, i) => mixes[i % 4]!);
    const examples = examplesOf('test', 160);
    const expected = mixes.map((point) => {
      const mixed = mixArrays(point.map(({ vertex, weight }) => ({ of: vertices[vertex]!.arrays, weight })));
      return exactLoss(network, dataOf(inDoubles(mixed)), examples, norms);
    });
    let done = 0;
    const found = await evaluatePoints(
      await loadBackend({ prefer }),
      { network, vertices, points, norms },
      way,
      new Map([['test', examples]]),
      (share) => {
        done += share;
        return Promise.resolve();
      },
    );
    found.get('test')!.forEach(({ loss }, p) => {
      expect(Math.abs(loss / expected[p % 4]! - 1), `point ${p}`).toBeLessThan(1e-5);
    });
    expect(done).toBeCloseTo(points.length * (160 + (norms.train?.count ?? 0)), 6);
  });
});

test('a compiled estimation that computes something else is an error', async () => {
  const backend = await loadBackend();
  const native = backend.native!;
  const wrong: typeof native.compiler.compile = (settings, body) =>
    native.compiler.compile(settings, ([x, ...rest], state) => body([backend.tf.mul(x!, 3), ...rest], state));
  const broken = { ...backend, native: { ...native, compiler: { ...native.compiler, compile: wrong } } };
  const { network, models } = randomModels({ family: 'standard', norm: 'batch' }, [1, 2]);
  const train = examplesOf('train', 60);
  const set = { network, vertices: models.map((arrays) => ({ arrays })), points: mixes.slice(0, 1) };
  const splits = new Map([['test', train]]);
  await expect(
    evaluatePoints(broken, { ...set, norms: { batch: 30, train } }, 'xla', splits, () => Promise.resolve()),
  ).rejects.toThrow(/compiled, entry \d+ of "norms\.0\.running_\w+" is .*; operation by operation/);
});

describe('jobs', () => {
  const root = mkdtempSync(join(tmpdir(), 'basin-norm-policy-'));
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });
  const run = writeOverflowingRun(join(root, 'batch'), [unchanged, unchanged], 'batch');
  const plain = writeOverflowingRun(join(root, 'plain'), [unchanged, unchanged]);
  const ask = (more: object) =>
    job<{ warnings: string[]; note: string; norm_statistics: string }>('interpolate', {
      ...{ run, epoch: 5, splits: ['test'], steps: 2, data: goldenData(), ...more },
    });
  const unasked = /No norm statistics were requested/;

  test('who leaves the choice open is told so, whoever chooses is not', async () => {
    const open = await ask({});
    expect(open.norm_statistics).toBe('interpolate');
    expect(open.warnings.join(' ')).toMatch(unasked);
    const chosen = await ask({ normStatistics: 'interpolate' });
    expect(chosen.warnings.join(' ')).not.toMatch(unasked);
    const estimated = await ask({ normStatistics: 're-estimate' });
    expect(estimated.warnings.join(' ')).not.toMatch(unasked);
    expect(estimated.note).toContain('means over the 7,200 examples of the train split');
    const batched = await ask({ normStatistics: 'batch', statisticsBatch: 500 });
    expect(batched.note).toContain('batches of 500 examples');
  });

  test('stored accuracies are compared with those of the stored statistics', async () => {
    // The files say 50 %, which no random network reaches: told about by any policy, with the same number.
    const told = async (more: object): Promise<string[]> => {
      const { warnings } = await ask({ splits: ['val'], ...more });
      return warnings.filter((line) => line.includes('its checkpoint says'));
    };
    const [open, estimated] = [await told({}), await told({ normStatistics: 're-estimate' })];
    expect(open.length).toBe(2);
    expect(estimated).toEqual(open);
  });

  test.each([
    ['rescaling-barrier', { factors: [1.5, 2], steps: 2 }],
    ['symmetry-curve', { steps: 2 }],
  ])('%s mixes them too, and says so', async (kind, more) => {
    const notesOf = async (of: string): Promise<string> => {
      const asked = { run: of, model: 1, epoch: 5, data: goldenData(), ...more };
      return (await job<{ notes: string[] }>(kind, asked)).notes.join(' ');
    };
    expect(await notesOf(run)).toContain('running statistics of BatchNorm are interpolated');
    expect(await notesOf(plain)).not.toContain('running statistics');
  });

  test('networks without running statistics refuse a choice', async () => {
    await expect(ask({ run: plain, normStatistics: 're-estimate' })).rejects.toThrow(
      /normStatistics is re-estimate, but the networks of .*plain have no batch norm/,
    );
    const merge = { run: plain, epoch: 5, directory: join(root, 'm'), normStatistics: 'interpolate' };
    await expect(job('merge', merge)).rejects.toThrow(/normStatistics is interpolate, but the networks/);
  });

  test('a batch of one example has no variance', async () => {
    await expect(ask({ normStatistics: 'batch', statisticsBatch: 1999 })).rejects.toThrow(
      /statisticsBatch: 2000 examples of the test split in batches of 1999 leave one example over/,
    );
    await expect(ask({ normStatistics: 're-estimate', statisticsBatch: 7199 })).rejects.toThrow(
      /7200 examples of the train split in batches of 7199/,
    );
  });

  test('the size that is proposed instead leaves no example of any split over', () => {
    const { graph } = readRun(run);
    const splits = new Map([
      ['val', { count: 13 }],
      ['test', { count: 25 }],
    ]);
    const policy: NormPolicy = { name: 'batch', batch: 2, byDefault: false };
    const ask = () => pointNormsOf(policy, { graph }, { splits } as unknown as AnalysisData, ['val', 'test']);
    // 3, 4, 6 and 12 leave one over of both, 8 of the 25.
    expect(ask).toThrow(expect.objectContaining({ hint: 'Choose another size, such as 5.' }));
    policy.batch = 3;
    expect(ask).toThrow(expect.objectContaining({ hint: 'Choose another size, such as 5.' }));
  });

  test('statistics that overflow are not written, and named', async () => {
    const overflowing = writeOverflowingRun(
      join(root, 'over'),
      [unchanged, scaledBy({ all: 1e25 })],
      'batch',
    );
    const directory = join(root, 'never');
    const params = {
      run: overflowing,
      epoch: 5,
      directory,
      normStatistics: 're-estimate',
      data: goldenData(),
    };
    await expect(job('merge', params)).rejects.toThrow(
      /The merged network overflows on the train split.*"norms\.0\.running_var" \(Infinity\).*Nothing was written/,
    );
    expect(existsSync(directory)).toBe(false);
  });

  test.each([
    ['re-estimated', { normStatistics: 're-estimate' }],
    ['aligned', { align: 'activation' }],
  ])('a merge tells that the data are not those of the run: %s', async (name, more) => {
    const data = { dataDir: fewDigits(join(root, `data of ${name}`)) };
    const params = { run, epoch: 5, directory: join(root, name), data, ...more };
    const { notes } = await job<{ notes: string[] }>('merge', params);
    expect(notes.join(' ')).toContain('The run was trained on mnist-10k; the numbers here are for');
  });

  test.each([
    [interpolateJob, { statisticsBatch: 100 }, 'statisticsBatch', /has no effect unless/],
    [
      interpolateJob,
      { statisticsBatch: 100, normStatistics: 'interpolate' },
      'statisticsBatch',
      /has no effect unless/,
    ],
    [mergeJob, { normStatistics: 'batch' }, 'normStatistics', /expected interpolate or re-estimate/],
    [mergeJob, { normStatistics: 're-estimate', write: 'aligned' }, 'normStatistics', /nothing is mixed/],
  ])('params without effect are refused: %#', ({ params }, more, field, message) => {
    const { error } = params.safeParse({ run, epoch: 5, directory: root, ...more });
    expect(error!.issues.map(({ path }) => path.join('.'))).toEqual([field]);
    expect(error!.issues[0]!.message).toMatch(message);
  });

  test('the question names the policy with its batch, and whether anybody chose it: the result says so', () => {
    const question = (more: object): unknown =>
      interpolateJob.reuse!.question(interpolateJob.params.parse({ run, epoch: 5, ...more }));
    expect(question({})).not.toEqual(question({ normStatistics: 'interpolate' }));
    expect(question({})).toEqual(question({}));
    const estimated = question({ normStatistics: 're-estimate' });
    expect(estimated).toEqual(question({ normStatistics: 're-estimate', statisticsBatch: 1000 }));
    const others = [
      question({}),
      question({ normStatistics: 'batch' }),
      question({ normStatistics: 're-estimate', statisticsBatch: 500 }),
    ];
    for (const other of others) expect(other).not.toEqual(estimated);
  });
});
