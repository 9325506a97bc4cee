/** Networks that overflow in float32: their points are marked, every other number stays what it is, on every back end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadBackend, types } from '../../../src-main/compute/backend/index.ts';
import type { Backend, BackendName } from '../../../src-main/compute/backend/index.ts';
import { requireEndpoints } from '../../../src-main/compute/connectivity/endpoints.ts';
import { evaluatePoints } from '../../../src-main/compute/connectivity/points.ts';
import type { Point, PointScores, PointSet } from '../../../src-main/compute/connectivity/points.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';
import { scoreSums } from '../../../src-main/compute/networks/score-sums.ts';
import { ScoreSum } from '../../../src-main/compute/networks/scores.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import type { Barriers } from '../../../src-shared/barriers.ts';
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type { interpolateJob } from '../../../src-shared/jobs/interpolate.ts';
import type { LeftOut } from '../../../src-shared/jobs/pairs.ts';
import { goldenData, job, testContext } from '../../support/job.ts';
import { randomModels } from '../networks/random-models.ts';
import { diverging, scaledBy, unchanged, writeOverflowingRun } from '../../support/overflowing-run.ts';
import type { Change } from '../../support/overflowing-run.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-non-finite-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const backends: BackendName[] = ['tensorflow', 'wasm'];
const runOf = (name: string, changes: Change[], norm: 'batch' | null = null): string =>
  writeOverflowingRun(join(root, name), changes, norm);

interface Pair {
  model1_index: number;
  model2_index: number;
  test_loss: (number | null)[];
  test_accuracy: (number | null)[];
  test_loss_barriers: Barriers;
  test_accuracy_drops: Barriers;
  test_barrier_height: number | null;
  norm_statistics?: string;
  note?: string;
}
interface Result {
  pairs: Pair[];
  warnings: string[];
  left_out?: LeftOut[];
  midpoint?: { num_models: number; models: number[]; test_loss: number | null; norm_statistics?: string };
}

type Params = Partial<ParamsOf<typeof interpolateJob>>;
const ask = <T = Result>(run: string, more: Params = {}, prefer: BackendName = 'tensorflow'): Promise<T> =>
  job<T>(
    'interpolate',
    { run, epoch: 5, splits: ['test'], steps: 2, data: goldenData(), ...more },
    { ...testContext(), backend: () => loadBackend({ prefer }) },
  );

const isNumber = (value: number | null | undefined): boolean =>
  typeof value === 'number' && Number.isFinite(value);
const pairOf = ({ pairs }: Result, one: number, two: number): Pair =>
  pairs.find(({ model1_index, model2_index }) => model1_index === one && model2_index === two)!;

/** Model 2 overflows in its first layer already, by its weights alone. */
const huge: Change = (tensor, data) => tensor === 'lins.0.weight' && data.fill(3e38);
const runs: Record<string, string> = {};
beforeAll(() => {
  runs['sound'] = runOf('sound', [unchanged, unchanged, unchanged]);
  runs['diverging'] = runOf('diverging', [unchanged, diverging, unchanged]);
  runs['first-layer'] = runOf('first-layer', [unchanged, huge, unchanged]);
  // Sound at both ends, overflowing between them.
  runs['between'] = runOf('between', [
    scaledBy({ 'lins.0.weight': 1e20, 'lins.0.bias': 1e20, 'lins.1.weight': 1e-20 }),
    scaledBy({ 'lins.0.weight': 1e-20, 'lins.0.bias': 1e-20, 'lins.1.weight': 1e20 }),
    unchanged,
  ]);
  runs['nan'] = runOf('nan', [
    unchanged,
    (tensor, data) => tensor === 'lins.1.weight' && (data[7] = NaN),
    unchanged,
  ]);
});

describe.each(backends)('on %s', (backend) => {
  test.each(['diverging', 'first-layer'])(
    'a network that overflows (%s) is marked, the rest is measured',
    async (name) => {
      const sound = await ask(runs['sound']!, {}, backend);
      const found = await ask(runs[name]!, { midpoint: true }, backend);
      expect(found.pairs.map((pair) => [pair.model1_index, pair.model2_index])).toEqual([
        [1, 2],
        [1, 3],
        [2, 3],
      ]);
      const [expected, between] = [pairOf(sound, 1, 3), pairOf(found, 1, 3)];
      between.test_loss.forEach((loss, i) => {
        expect(loss).toBeCloseTo(expected.test_loss[i]!, 5);
      });
      expect(between.test_accuracy).toEqual(expected.test_accuracy);
      expect(isNumber(between.test_loss_barriers.chord)).toBe(true);
      for (const pair of [pairOf(found, 1, 2), pairOf(found, 2, 3)]) {
        const end = pair.model2_index === 2 ? 2 : 0;
        // The sound end is a number all the same.
        expect(isNumber(pair.test_loss[2 - end])).toBe(true);
        expect([pair.test_loss[1], pair.test_loss[end]]).toEqual([null, null]);
        expect([pair.test_accuracy[1], pair.test_accuracy[end]]).toEqual([null, null]);
        const none = { chord: null, mean_ends: null, max_ends: null, midpoint: null };
        expect(pair.test_loss_barriers).toEqual({ ...none, reason: '2 of 3 points are not finite' });
        expect(pair.test_accuracy_drops).toEqual({ ...none, reason: '2 of 3 points are not finite' });
        expect(pair.test_barrier_height).toBeNull();
      }
      expect(found.midpoint).toMatchObject({ num_models: 3, test_loss: null });
      const told = found.warnings.join('\n');
      expect(told).toMatch(/model 2 of .*its loss or accuracy is not a finite number/);
      expect(told).toMatch(/2 of 3 curves have points that are not finite \(models 1–2, 2–3\)/);
    },
  );

  test('a curve that overflows between two sound networks has sound ends', async () => {
    const { pairs } = await ask(runs['between']!, {}, backend);
    const pair = pairs[0]!;
    expect(pair.test_loss.map(isNumber)).toEqual([true, false, true]);
    expect(pair.test_accuracy.map(isNumber)).toEqual([true, false, true]);
    expect(pair.test_loss_barriers.reason).toBe('1 of 3 points is not finite');
  });

  test('aligned by activations: pairs that cannot be aligned are left out by name, the others are not', async () => {
    const found = await ask(runs['diverging']!, { align: 'activation' }, backend);
    expect(found.pairs.map((pair) => [pair.model1_index, pair.model2_index])).toEqual([[1, 3]]);
    expect(found.left_out!.map(({ models }) => models)).toEqual([
      [1, 2],
      [2, 3],
    ]);
    expect(found.left_out![0]!.reason).toMatch(/could not be aligned by activations: model 2 of/);
    expect(found.warnings.join('\n')).toMatch(/Models 1–2, 2–3 could not be aligned/);
    expect(isNumber(found.pairs[0]!.test_loss_barriers.chord)).toBe(true);
  });

  test('aligned by weights, it is a curve with gaps like any other', async () => {
    const found = await ask(runs['diverging']!, { align: 'weight', restarts: 2 }, backend);
    expect(found.left_out).toBeUndefined();
    expect(pairOf(found, 1, 2).test_loss.map(isNumber)).toEqual([true, false, false]);
    expect(isNumber(pairOf(found, 1, 3).test_loss_barriers.chord)).toBe(true);
  });

  const ways = backend === 'tensorflow' ? (['eager', 'xla', 'graph'] as const) : (['eager'] as const);
  test.each(ways)(
    'one network in a pass does not spoil the points of others: 0 times infinity (%s)',
    async (way) => {
      const loaded = await loadBackend({ prefer: backend });
      const { network, models } = randomModels(
        { family: 'standard', norm: 'none', activation: 'relu' },
        [1, 2, 3],
      );
      const first = models[1]!.get('lins.0.weight')!;
      models[1]!.set('lins.0.weight', { ...first, data: new Float32Array(first.data.length).fill(3e38) });
      const vertices = models.map((arrays) => ({ arrays }));
      const points: Point[] = [
        [{ vertex: 0, weight: 1 }],
        [{ vertex: 1, weight: 1 }],
        [0, 2].map((vertex) => ({ vertex, weight: 0.5 })),
        [0, 1].map((vertex) => ({ vertex, weight: 0.5 })),
      ];
      const stream = new RandomStream(5, 'x');
      const labels = Int32Array.from({ length: 40 }, () => stream.integer(5));
      const examples = { count: 40, features: 12, x: stream.normals(40 * 12), labels };
      const scores = async (set: Omit<PointSet, 'network'>): Promise<PointScores[]> => {
        const splits = new Map([['test', examples]]);
        const found = await evaluatePoints(loaded, { network, ...set }, way, splits, () => Promise.resolve());
        return found.get('test')!;
      };
      const together = await scores({ vertices, points });
      const middle = [0, 1].map((vertex) => ({ vertex, weight: 0.5 }));
      const alone = await scores({ vertices: [vertices[0]!, vertices[2]!], points: [points[0]!, middle] });
      const ends = models.map((arrays, vertex) => ({ vertex, arrays, name: `model ${vertex}` }));
      requireEndpoints(loaded, { network, vertices }, ends, examples);
      expect(together.map(({ loss }) => Number.isFinite(loss))).toEqual([true, false, true, false]);
      expect(together.map(({ accuracy }) => Number.isFinite(accuracy))).toEqual([true, false, true, false]);
      expect(together[0]!.loss).toBeCloseTo(alone[0]!.loss, 6);
      expect(together[2]!.loss).toBeCloseTo(alone[1]!.loss, 6);
    },
  );
});

test.each([...backends, 'cpu'] as const)(
  'every activation hands NaN on, whatever its sign, on %s',
  async (prefer) => {
    const loaded = await loadBackend({ prefer });
    const { relu } = mathsOf(loaded);
    const { tanh, erf, exp, sigmoid } = loaded.tf;
    for (const bits of [0x7fc00000, 0xffc00000]) {
      const values = new Float32Array(new Uint32Array(21).fill(bits).buffer);
      const x = loaded.tf.tensor(values, [1, 1, 21]);
      for (const activation of [relu, tanh, erf, exp, sigmoid]) {
        const y = activation(x);
        expect([...y.dataSync()].every(Number.isNaN)).toBe(true);
        y.dispose();
      }
      x.dispose();
    }
    const x = loaded.tf.tensor([-Infinity, -2, 0, 3, Infinity], [1, 1, 5]);
    const y = relu(x);
    expect([...y.dataSync()]).toEqual([0, 0, 0, 3, Infinity]);
    loaded.tf.dispose([x, y]);
  },
);

/** Loss and accuracy of one model's logits, on the host or inside a compiled computation. */
async function scored(how: 'host' | 'xla' | 'graph', logits: number[], labels: number[]) {
  const sum = new ScoreSum(1);
  if (how === 'host') sum.add(Float32Array.from(logits), Int32Array.from(labels));
  else {
    const { tf, native } = await loadBackend();
    const shape = [1, labels.length + 1, logits.length / labels.length];
    const program = native!.compiler.compile(
      {
        mode: how,
        args: [
          { dtype: types.float32, shape },
          { dtype: types.int32, shape: [labels.length + 1] },
        ],
        state: [],
      },
      ([z, y]) => ({
        outputs: scoreSums(mathsOf({ tf, native } as Backend), native!, {
          logits: z!,
          labels: y!,
          objective: undefined,
        }),
        state: [],
      }),
    );
    // A row that only fills up the call, with logits that would spoil everything.
    const args = [
      tf.tensor([...logits, ...Array.from({ length: shape[2]! }, () => NaN)], shape),
      tf.tensor1d([...labels, -1], 'int32'),
    ];
    const sums = program.runDoubles(args);
    sum.addSums(
      sums.map((each) => native!.doubles.read(each)),
      Int32Array.from(labels),
    );
    native!.doubles.free(...sums);
    tf.dispose(args);
    program.dispose();
  }
  const { loss, accuracy } = sum.scores();
  return [loss[0], accuracy![0]];
}

describe.each(['host', 'xla', 'graph'] as const)('scores (%s)', (how) => {
  const scoresOf = (logits: number[], labels: number[]) => scored(how, logits, labels);

  test('NaN among the logits is nobody’s right prediction', async () => {
    // argmax would take class 0 for the largest, and count it as right.
    expect(await scoresOf([NaN, 1, 2], [0])).toEqual([NaN, NaN]);
    expect(await scoresOf([1, 2, 3, 0, NaN, 0], [2, 2])).toEqual([NaN, NaN]);
  });

  test('an infinite logit at the top leaves the class to the order of sums; at the bottom it does not', async () => {
    expect((await scoresOf([Infinity, Infinity, 1], [0]))[1]).toBeNaN();
    expect((await scoresOf([Infinity, 0, 1], [0]))[1]).toBeNaN();
    expect(await scoresOf([-Infinity, 0, 1], [0])).toEqual([Infinity, 0]);
    expect(await scoresOf([-Infinity, -Infinity, 1], [2])).toEqual([0, 100]);
  });

  test('huge but finite logits are numbers', async () => {
    expect(await scoresOf([3e38, 0, 0], [0])).toEqual([0, 100]);
    expect((await scoresOf([3e38, 0, 0], [1]))[0]).toBeCloseTo(Math.fround(3e38), -30);
  });
});

describe('weights that are not finite', () => {
  test('leave the model out, by name, with its pairs; the midpoint is that of the others', async () => {
    const found = await ask(runs['nan']!, { midpoint: true });
    expect(found.pairs.map((pair) => [pair.model1_index, pair.model2_index])).toEqual([[1, 3]]);
    expect(found.left_out).toEqual([
      {
        models: [2],
        checkpoint_paths: [join(runs['nan']!, 'checkpoint_epoch_5_model_2.safetensors')],
        reason: 'its weights are not finite: "lins.1.weight" (entry 7 is NaN)',
      },
    ]);
    expect(found.warnings[0]).toMatch(
      /model 2 of .*and its pairs were left out.*"lins\.1\.weight" \(entry 7 is NaN\)/,
    );
    expect(found.midpoint).toMatchObject({ models: [1, 3], num_models: 2 });
    const sound = pairOf(await ask(runs['sound']!), 1, 3);
    // As many models as a pass holds, such are the sums of its matrix products: equal but for float32 rounding.
    expect(found.pairs[0]!.test_loss).toHaveLength(sound.test_loss.length);
    for (const [i, loss] of found.pairs[0]!.test_loss.entries())
      expect(loss).toBeCloseTo(sound.test_loss[i]!, 6);
  });

  test('of checkpoint files: pairs are still counted by their places', async () => {
    const checkpoints = [1, 2, 3].map((model) =>
      join(runs['nan']!, `checkpoint_epoch_5_model_${model}.safetensors`),
    );
    const params = {
      run: undefined,
      epoch: undefined,
      checkpoints,
      pairs: [
        [2, 3],
        [3, 1],
      ] as [number, number][],
    };
    const found = await ask(runs['nan']!, params);
    expect(found.pairs.map((pair) => [pair.model1_index, pair.model2_index])).toEqual([[3, 1]]);
  });

  test('refuse a job of nothing else', async () => {
    await expect(ask(runs['nan']!, { models: [1, 2] })).rejects.toThrow(
      /checkpoint_epoch_5_model_2\.safetensors: some weights are not finite: "lins\.1\.weight"/,
    );
  });

  test('leave the model out of matched weights too, and refuse to be merged', async () => {
    interface Matched {
      pairs: { model1_index: number; model2_index: number }[];
      left_out: LeftOut[];
    }
    const found = await job<Matched>('match-weights', { run: runs['nan'], epoch: 5, restarts: 1 });
    expect(found.pairs.map((pair) => [pair.model1_index, pair.model2_index])).toEqual([[1, 3]]);
    expect(found.left_out.map(({ models }) => models)).toEqual([[2]]);
    const merged = job('merge', { run: runs['nan'], epoch: 5, directory: join(root, 'merged') });
    await expect(merged).rejects.toThrow(/model_2\.safetensors: some weights are not finite/);
  });
});

describe('running statistics of BatchNorm', () => {
  test('are said to be interpolated: in the pair, the midpoint, the note, and a merged run', async () => {
    const run = runOf('batch', [unchanged, unchanged, unchanged], 'batch');
    const found = await ask(run, { midpoint: true });
    for (const pair of found.pairs) {
      expect(pair.norm_statistics).toBe('interpolate');
      expect(pair.note).toMatch(/running statistics of BatchNorm are interpolated/);
    }
    expect(found.midpoint!.norm_statistics).toBe('interpolate');
    interface Merged {
      notes: string[];
      norm_statistics?: string;
    }
    const merge = (more: object) => job<Merged>('merge', { run, epoch: 5, ...more });
    const merged = await merge({ directory: join(root, 'merged-batch') });
    expect(merged.norm_statistics).toBe('interpolate');
    expect(merged.notes.join(' ')).toMatch(/running statistics of BatchNorm are interpolated/);
    // Nothing is mixed where the models are only permuted.
    const aligned = await merge({ directory: join(root, 'aligned-batch'), write: 'aligned' });
    expect(aligned).not.toHaveProperty('norm_statistics');
    expect(aligned.notes).toEqual([]);
  });

  test('of networks without BatchNorm there is nothing to say', async () => {
    const [pair] = (await ask(runs['sound']!)).pairs;
    expect(pair).not.toHaveProperty('norm_statistics');
    expect(pair).not.toHaveProperty('note');
  });
});
