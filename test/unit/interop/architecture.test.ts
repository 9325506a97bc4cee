/** A user's own architecture: the example of the documentation, end to end, and what is refused. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadModels } from '../../../src-main/compute/load-models.ts';
import { numParameters } from '../../../src-main/compute/models/index.ts';
import { permuteArrays } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import { writeTorchFile } from '../../../src-main/formats/torch/write-torch.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { readDeclared } from '../../../src-shared/networks/declared.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { exactOutput } from '../../support/model-output.ts';
import { goldenData, job } from '../../support/job.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-architecture-'));
let count = 0;
const fresh = (ending = ''): string => join(folder, `${++count}${ending}`);

const docs = readFileSync(new URL('../../../docs/architectures.md', import.meta.url), 'utf8');
const example = /```yaml\n([\s\S]*?)```/.exec(docs)![1]!;
interface Declared {
  layers: Record<string, unknown>[];
  permutations: Record<string, [string, number][]>;
  ignore?: string[];
}

/** Tensors of the example, drawn at random. */
function randomWeights(seed: number): Map<string, TensorValue> {
  const stream = new RandomStream(seed, 'architecture-test');
  const shapes: Record<string, number[]> = {
    ...{
      'encoder.0.weight': [64, 784],
      'encoder.0.bias': [64],
      'encoder.1.weight': [64],
      'encoder.1.bias': [64],
    },
    ...{ 'encoder.1.running_mean': [64], 'encoder.1.running_var': [64] },
    ...{ 'encoder.3.weight': [32, 64], 'encoder.3.bias': [32], 'head.weight': [10, 32], temperature: [1] },
  };
  const tensors = new Map<string, TensorValue>(
    Object.entries(shapes).map(([name, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const scale = shape.length === 2 ? 1 / Math.sqrt(shape[1]!) : 0.3;
      const data = Float32Array.from(stream.normals(size), (v) => scale * v);
      return [
        name,
        { dtype: 'float32', shape, data: name.endsWith('var') ? data.map((v) => 0.5 + v * v) : data },
      ];
    }),
  );
  const counter = { dtype: 'int64', shape: [], data: BigInt64Array.of(7n) } as const;
  return tensors.set('encoder.1.num_batches_tracked', counter);
}

function files(seeds: number[]): string[] {
  return seeds.map((seed) => {
    const path = fresh('.pt');
    writeTorchFile(path, randomWeights(seed));
    return path;
  });
}

function declare(change: (declared: Declared) => void = () => undefined): string {
  const declared = parse(example) as Declared;
  change(declared);
  const path = fresh('.yaml');
  writeFileSync(path, stringify(declared));
  return path;
}

interface Adopted {
  directory: string;
  architecture: string;
  notes: string[];
}
const adopt = (paths: string[], architecture = declare(), more: object = {}): Promise<Adopted> =>
  job<Adopted>('adopt', { paths, architecture, directory: fresh(), ...more });

/** The example computed from the tensors as they are called, step by step. */
function byHand(tensors: Map<string, TensorValue>, x: Float64Array): number[] {
  const get = (name: string) => tensors.get(name)!.data as Float32Array;
  const linear = (name: string, input: ArrayLike<number>, bias: ArrayLike<number> | undefined): number[] => {
    const [outputs, inputs] = tensors.get(name)!.shape as [number, number];
    return Array.from({ length: outputs }, (_, i) => {
      let sum = bias?.[i] ?? 0;
      for (let k = 0; k < inputs; k++) sum += get(name)[i * inputs + k]! * input[k]!;
      return sum;
    });
  };
  const a = linear('encoder.0.weight', x, get('encoder.0.bias')).map((z, i) => {
    const [mean, variance] = [get('encoder.1.running_mean')[i]!, get('encoder.1.running_var')[i]!];
    const normal = (z - mean) / Math.sqrt(variance + 1e-5);
    return Math.max(0, normal * get('encoder.1.weight')[i]! + get('encoder.1.bias')[i]!);
  });
  // gelu by numerical integration of the normal density: no erf of ours in here.
  const phi = (z: number): number => {
    const steps = 4000;
    let sum = 0;
    for (let i = 0; i < steps; i++) {
      const t = -12 + ((z + 12) * (i + 0.5)) / steps;
      sum += Math.exp((-t * t) / 2);
    }
    return (sum * (z + 12)) / steps / Math.sqrt(2 * Math.PI);
  };
  const b = linear('encoder.3.weight', a, get('encoder.3.bias')).map((z) => z * phi(z));
  return linear('head.weight', b, undefined);
}

describe('the example of docs/architectures.md', () => {
  it('is adopted, and computes what the tensors by their own names give', async () => {
    const { directory, architecture, notes } = await adopt(files([1, 2]));
    expect(architecture).toBe(
      'digit encoder: a standard MLP 784-64-32-10 (norms batch, none; activations relu, gelu)',
    );
    expect(notes[0]).toContain('first is P_0, second is P_1');
    const [model] = loadModels(directory, [1], 1);
    const x = Float64Array.from(new RandomStream(5, 'x').normals(784));
    const expected = byHand(randomWeights(1), x);
    exactOutput(model!, x).forEach((logit, i) => {
      expect(logit).toBeCloseTo(expected[i]!, 5);
    });
    // The zero bias of the head is not the user's: it is not counted.
    expect(numParameters(model!.spec).total).toBe(64 * 784 + 64 + 2 * 64 + 32 * 64 + 32 + 10 * 32);
  });

  it('keeps names and numbers: in the run, and out of it again', async () => {
    const { directory } = await adopt(files([3]));
    const out = fresh();
    await job('export-checkpoints', { run: directory, directory: out, format: 'pt' });
    const exported = openCheckpoint(join(out, 'checkpoint_epoch_1_model_1.pt'));
    const original = randomWeights(3);
    expect([...exported.tensors.keys()]).toEqual([...original.keys()]);
    for (const [name, tensor] of exported.tensors) expect(tensor.read()).toEqual(original.get(name)!.data);
    expect(exported.trainable).toEqual([
      ...['encoder.0.weight', 'encoder.0.bias', 'encoder.1.weight', 'encoder.1.bias'],
      ...['encoder.3.weight', 'encoder.3.bias', 'head.weight'],
    ]);
    exported.close();
    expect(loadModels(out, [1], 1)[0]!.acting).toEqual(loadModels(directory, [1], 1)[0]!.acting);
  });

  it('is matched by weights and by activations, interpolated and merged', async () => {
    // The second model is the first with its neurons in another order.
    const [path] = files([4]);
    const one = await adopt([path!]);
    const { run, acting } = loadModels(one.directory, [1], 1)[0]!;
    const stream = new RandomStream(9, 'order');
    const { groups } = symmetriesOf(run.graph);
    expect(groups.map(({ size }) => size)).toEqual([64, 32]);
    const arrays = permuteArrays(
      acting,
      groups,
      new Map(groups.map(({ name, size }) => [name, stream.permutation(size)])),
    );
    const names: Record<string, string> = {
      ...{ 'lins.0': 'encoder.0', 'norms.0': 'encoder.1', 'lins.1': 'encoder.3', 'lins.2': 'head' },
    };
    const permuted = new Map(randomWeights(4));
    for (const [name, { shape, data }] of arrays) {
      const [, module = '', field = ''] = /^(\w+\.\d+)\.(.*)$/.exec(name)!;
      const own = `${names[module]}.${field}`;
      if (permuted.has(own))
        permuted.set(own, { dtype: 'float32', shape, data: data as Float32Array<ArrayBuffer> });
    }
    const second = fresh('.safetensors.pt');
    writeTorchFile(second, permuted);
    const { directory } = await adopt([path!, second]);
    const common = { run: directory, epoch: 1, data: goldenData() };
    for (const align of ['weight', 'activation'] as const) {
      const curve = await job<Interpolation>('interpolate', { ...common, align, splits: ['test'], steps: 4 });
      // Activations cannot tell neurons apart that are silent on the data; weights can.
      if (align === 'weight') expect(curve.distance).toBeLessThan(1e-3);
      expect(curve.test_loss_barriers!.max_ends).toBeLessThan(1e-5);
    }
    const apart = await job<Interpolation>('interpolate', {
      ...common,
      align: 'none',
      splits: ['test'],
      steps: 4,
    });
    expect(apart.distance).toBeGreaterThan(1);
    const merged = fresh();
    await job('merge', { ...common, align: 'weight', write: 'merged', directory: merged, format: 'pt' });
    const file = openCheckpoint(join(merged, 'checkpoint_epoch_1_model_1.pt'));
    expect([...file.tensors.keys()]).toContain('encoder.3.weight');
    expect([...file.tensors.keys()]).not.toContain('lins.2.bias');
    const head = file.tensors.get('head.weight')!.readFloat32();
    file.close();
    const original = randomWeights(4).get('head.weight')!.data as Float32Array;
    head.forEach((value, i) => expect(value).toBeCloseTo(original[i]!, 5));
    await job('realization-cost', { run: directory, epoch: 1, models: [1], data: goldenData() });
  });
});

describe('the residual block of docs/architectures.md', () => {
  const block = [...docs.matchAll(/```yaml\n([\s\S]*?)```/g)][1]![1]!;
  it('has one group for its stream and one inside, as the text says', () => {
    const { graph } = readDeclared(parse(block), 'docs');
    const { groups } = symmetriesOf(readNetwork(graph));
    expect(groups.map(({ name, size }) => [name, size])).toEqual([
      ['x', 64],
      ['block.up', 256],
    ]);
  });
});

describe('what is refused, naming the field', () => {
  const cases: [string, (declared: Declared) => void, RegExp][] = [
    [
      'a group that lacks a tensor',
      ({ permutations }) => permutations['second']!.pop(),
      /permutations\.second: it lacks \[head\.weight, 1\]\. .*without "permutations"/,
    ],
    [
      'a group with an axis of another layer',
      ({ permutations }) => permutations['second']!.push(['encoder.3.weight', 0], ['head.weight', 0]),
      /permutations\.second: it should not have \[head\.weight, 0\]/,
    ],
    [
      'a hidden layer without a group',
      ({ permutations }) => delete permutations['second'],
      /permutations: there is no group for \[encoder\.3\.weight, 0\], \[encoder\.3\.bias, 0\], \[head\.weight, 1\]/,
    ],
    [
      'a tensor that is not there',
      ({ permutations }) => permutations['second']!.push(['head.wieght', 1]),
      /permutations\.second: there is no tensor "head\.wieght"\..*head\.weight/,
    ],
    [
      'a layer of another kind',
      ({ layers }) => layers.splice(3, 0, { conv: {} }),
      /layers\.3: one of linear, norm, activation, add was expected, found conv.*Convolutions/s,
    ],
    [
      'widths that do not follow one another',
      ({ layers }) => Object.assign(layers[3]!['linear'] as object, { shape: [32, 65] }),
      /layers\.3\.linear\.shape: \[32, 65\] takes 65 inputs, but the value that it is given has 64 entries/,
    ],
    [
      'a norm of another size than what it is given',
      ({ layers }) => layers.splice(5, 0, { norm: { kind: 'layer', shape: [30] } }),
      /layers\.5\.norm\.shape: \[30\] was expected to be \[32\]/,
    ],
    [
      'an activation at the end',
      ({ layers }) => layers.push({ activation: 'relu' }),
      /layers\.6: an activation is the last layer; the network must end with its logits/,
    ],
    [
      'an activation that Basin lacks',
      ({ layers }) => Object.assign(layers[2]!, { activation: 'softplus' }),
      /layers\.2\.activation: Invalid option/,
    ],
    [
      'a batch norm without statistics',
      ({ layers }) => delete (layers[1]!['norm'] as Record<string, unknown>)['running_var'],
      /layers\.1\.norm: running_var is missing/,
    ],
    [
      'a shape that the file does not have',
      ({ layers }) => Object.assign(layers[5]!['linear'] as object, { shape: [12, 32] }),
      /tensor "head\.weight" has shape \[10, 32\]; .*\.yaml declares \[12, 32\]/,
    ],
    [
      'tensors that are left over',
      (declared) => (declared.ignore = []),
      /tensor "temperature" is not declared in .*\.yaml/,
    ],
    ['an unknown key', (declared) => Object.assign(declared, { groups: {} }), /\.yaml: .*groups/],
  ];

  it.each(cases)('%s', async (_, change, message) => {
    const failure = await adopt(files([1]), declare(change)).then(
      () => 'adopted',
      (error: Error & { hint?: string }) => `${error.message} ${error.hint ?? ''}`,
    );
    expect(failure).toMatch(message);
  });
});
