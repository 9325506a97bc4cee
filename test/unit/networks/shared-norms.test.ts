/** Norms that two places share: running statistics are told of every application, for models run one by one as well. */
import { afterAll, expect, test } from 'vitest';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import type { Tensor } from '../../../src-main/compute/backend/index.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';
import { runsAlone } from '../../../src-main/compute/networks/parameters.ts';
import { forward } from '../../../src-main/compute/networks/run.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';

const backend = await loadBackend();
const { tf } = backend;
const maths = mathsOf(backend);
const before = tensorCount(backend);
afterAll(() => {
  expect(tensorCount(backend)).toEqual(before);
});

const words = ['weight', 'bias', 'running_mean', 'running_var'];
const norm = { kind: 'batch' };
const parameters = Object.fromEntries(words.map((word) => [word, `norm.${word}`]));
/** A norm, a convolution and the same norm. */
const network = readNetwork({
  inputs: [{ id: 'x', shape: [4, 4, 2] }],
  parameters: [
    { name: 'conv.weight', shape: [2, 2, 3, 3], role: 'trained' },
    ...words.map((word) => ({
      name: `norm.${word}`,
      shape: [2],
      role: word.startsWith('running') ? ('statistics' as const) : ('trained' as const),
    })),
  ],
  nodes: [
    { id: 'first', op: 'norm', inputs: ['x'], parameters, attributes: norm },
    {
      id: 'conv',
      op: 'conv2d',
      inputs: ['first'],
      parameters: { weight: 'conv.weight' },
      attributes: { stride: [1, 1], padding: [1, 1] },
    },
    { id: 'second', op: 'norm', inputs: ['conv'], parameters, attributes: norm },
  ],
  output: 'second',
});

function tracked(values: ReadonlyMap<string, Tensor>, x: Tensor): Map<string, number[][]> {
  const found = new Map<string, number[][]>();
  const rows = x.shape[1]!;
  forward(maths, network, values, x, {
    training: {
      rowWeights: tf.fill([rows], 1 / rows),
      unbiased: tf.scalar(rows / (rows - 1)),
      momentum: 1,
      mask: () => undefined,
      track: (name, value) =>
        found.set(name, [...(found.get(name) ?? []), Array.from(value.dataSync() as Float32Array)]),
    },
  });
  return found;
}

test('two models tell both applications of a norm, each as it does alone', () => {
  expect(runsAlone(network)).toBe(true);
  tf.tidy(() => {
    const stream = new RandomStream(1, 'shared norms');
    const draw = (shape: number[]): Tensor =>
      tf.tensor(Float32Array.from(stream.normals(shape.reduce((a, b) => a * b))), shape);
    const x = draw([1, 5, 4, 4, 2]);
    const models = [0, 1].map(
      () =>
        new Map([...network.graph.parameters.values()].map(({ name, shape }) => [name, draw([1, ...shape])])),
    );
    const together = new Map(
      [...models[0]!.keys()].map((name) => [name, tf.concat(models.map((model) => model.get(name)!))]),
    );
    const alone = models.map((model) => tracked(model, x));
    const found = tracked(together, x);
    expect([...found.keys()]).toEqual(['norm.running_mean', 'norm.running_var']);
    for (const [name, applications] of found) {
      expect(applications).toHaveLength(2);
      expect(applications[0]).not.toEqual(applications[1]);
      applications.forEach((values, k) => {
        // The first norm reads what both models are given: its statistics are the same for both.
        const wanted = alone.flatMap((each) => each.get(name)![k]!);
        expect(values.length).toBe(wanted.length);
        values.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 5));
      });
    }
  });
});
