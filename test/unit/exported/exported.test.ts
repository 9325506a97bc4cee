/** Reading networks exported from PyTorch, on machines without PyTorch (test/fixtures/exported/make_exported.py). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { readNpy, writeNpy } from '../../../src-main/formats/npy.ts';
import { hasBinding } from '../../../src-main/compute/backend/native.ts';
import { loadModels, readRun } from '../../../src-main/compute/load-models.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { job } from '../../support/job.ts';
import { changed, exportedFixture, lowered } from './files.ts';
import type { Json } from './files.ts';

type Adopted = JobResult<'adopt'>;
const folder = mkdtempSync(join(tmpdir(), 'basin-exported-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = (ending = ''): string => join(folder, `${++count}${ending}`);

const outputs = JSON.parse(readFileSync(exportedFixture('outputs.json'), 'utf8')) as Record<
  string,
  { x: number[]; shape: number[]; y: number[] }
>;
const adopt = (name: string, more: object = {}): Promise<Adopted> =>
  job('adopt', { network: exportedFixture(`${name}.pt2`), directory: fresh(), ...more });

async function logits(run: string, name: string, precision: string, epoch = 1): Promise<Float64Array> {
  const [inputs, out] = [fresh('.npy'), fresh('.npy')];
  const { x, shape } = outputs[name]!;
  writeNpy(
    inputs,
    name === 'tokens'
      ? { dtype: 'int64', shape, data: BigInt64Array.from(x, BigInt) }
      : { dtype: 'float32', shape, data: Float32Array.from(x) },
  );
  await job('evaluate', { run, epoch, inputs, out, precision });
  return Float64Array.from(readNpy(out).data as Float32Array);
}

const difference = (found: Float64Array, expected: readonly number[]): number =>
  Math.max(...expected.map((value, i) => Math.abs(value - found[i]!))) / Math.max(...expected.map(Math.abs));

async function failure(work: Promise<unknown> | (() => unknown)): Promise<string> {
  const thrown: unknown = await Promise.resolve()
    .then(() => (typeof work === 'function' ? work() : work))
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  expect(thrown).toBeInstanceOf(UserError);
  const { message, hint } = thrown as UserError;
  return `${message} ${hint ?? ''}`;
}

describe('a network exported from PyTorch', () => {
  it.each(['image', 'tokens'])('has the outputs of PyTorch in float32: %s', async (name) => {
    const { directory } = await adopt(name);
    const found = await logits(directory, name, 'float32');
    expect(found).toHaveLength(outputs[name]!.y.length);
    expect(difference(found, outputs[name]!.y)).toBeLessThan(1e-5);
  });

  it.skipIf(!hasBinding()).each(['image', 'tokens'])('and in float64: %s', async (name) => {
    const { directory } = await adopt(name);
    expect(difference(await logits(directory, name, 'float64'), outputs[name]!.y)).toBeLessThan(1e-12);
  });

  it('says what it is, and what happens whatever the mode of the export', async () => {
    const { architecture, notes } = await adopt('image');
    expect(architecture).toContain('a network exported from PyTorch of 1 convolution, 1 norm');
    expect(notes.join(' ')).toContain('One example is [1, 8, 8]; its output is [3].');
    expect(notes.join(' ')).toContain('Dropout acts while Basin trains');
    expect(notes.join(' ')).toContain('Batch norms go by their running statistics in evaluation');
  });

  it('keeps every key of the state dict, tied ones too, and no constants', async () => {
    const { directory, notes } = await adopt('tokens');
    const checkpoint = openCheckpoint(join(directory, 'checkpoint_epoch_1_model_1.pt'));
    const names = [...checkpoint.tensors.keys()].toSorted();
    const [wte, head] = ['wte.weight', 'head.weight'].map((name) =>
      checkpoint.tensors.get(name)!.readFloat32(),
    );
    checkpoint.close();
    expect(names).toEqual([
      'head.weight',
      'norm.bias',
      'norm.weight',
      'qkv.bias',
      'qkv.weight',
      'wte.weight',
    ]);
    expect(wte).toEqual(head);
    expect(notes.join(' ')).toContain('Tied, and so one tensor: wte.weight and head.weight.');
    const [model] = loadModels(directory, [1], 1);
    expect(model!.state.get('scale')!.data[0]).toBe(0.5);
    expect(model!.state.has('wte.weight')).toBe(false);
  });

  it('takes weights of other files, and refuses those in which tied tensors differ', async () => {
    const { directory } = await adopt('tokens');
    const first = join(directory, 'checkpoint_epoch_1_model_1.pt');
    const { files } = await adopt('tokens', { paths: [first, first] });
    expect(files).toHaveLength(2);
    const other = await adopt('image');
    expect(await failure(adopt('tokens', { paths: [join(other.directory, other.files[0]!)] }))).toContain(
      'does not belong to a network exported from PyTorch',
    );
  });

  it('is merged into a run with the same keys', async () => {
    const { directory } = await adopt('tokens');
    const path = join(directory, 'checkpoint_epoch_1_model_1.pt');
    const two = await adopt('tokens', { paths: [path, path] });
    const merged = fresh();
    await job('merge', { run: two.directory, models: [1, 2], epoch: 1, align: 'none', directory: merged });
    const found = await logits(merged, 'tokens', 'float32');
    expect(difference(found, outputs['tokens']!.y)).toBeLessThan(1e-5);
    const checkpoint = openCheckpoint(join(merged, 'checkpoint_epoch_1_model_1.pt'));
    expect([...checkpoint.tensors.keys()]).toContain('wte.weight');
    checkpoint.close();
  });

  it('has the roles of its tensors, and no units that could be rescaled', () => {
    const { graph } = lowered(exportedFixture('image.pt2'));
    expect(symmetriesOf(readNetwork(graph)).rescalings).toEqual([]);
    expect(graph.parameters.map(({ name, role }) => [name, role])).toEqual([
      ['conv.weight', 'trained'],
      ['bn.weight', 'trained'],
      ['bn.bias', 'trained'],
      ['fc.weight', 'trained'],
      ['fc.bias', 'trained'],
      ['bn.running_mean', 'statistics'],
      ['bn.running_var', 'statistics'],
      ['bn.num_batches_tracked', 'statistics'],
    ]);
  });

  it('says of outputs that are not finite how many there are', async () => {
    const network = changed('digits.pt2', 'models/model.json', ({ graph_module: { graph } }: Json) => {
      graph.nodes.find(({ target }: Json) => target.includes('dropout')).target =
        'torch.ops.aten.log.default';
    });
    const [run, inputs, out] = [fresh(), fresh('.npy'), fresh('.npy')];
    await job('adopt', { network, directory: run });
    writeNpy(inputs, { dtype: 'float32', shape: [1, 1, 28, 28], data: new Float32Array(784).fill(1) });
    const { largest, notes } = await job<JobResult<'evaluate'>>('evaluate', { run, epoch: 1, inputs, out });
    expect(largest).toBeNull();
    expect(notes).toContain('10 of 10 numbers are not finite (NaN or infinite).');
  });

  it('gives examples of the wrong shape back by name', async () => {
    const { directory } = await adopt('image');
    const inputs = fresh('.npy');
    writeNpy(inputs, { dtype: 'float32', shape: [2, 9], data: new Float32Array(18) });
    expect(
      await failure(job('evaluate', { run: directory, epoch: 1, inputs, out: fresh('.npy') })),
    ).toContain(`${inputs}: the shape is [2, 9]; [examples, 1, 8, 8] was expected`);
  });
});

describe('what is refused', () => {
  const model = (change: Parameters<typeof changed>[2]): string => changed('image.pt2', 'model.json', change);
  const nodes = (value: Parameters<Parameters<typeof changed>[2]>[0]) =>
    value.graph_module.graph.nodes as { target: string; inputs: { name: string; arg: object }[] }[];

  it('an operation that is not known, with its module and what is known', async () => {
    const message = await failure(() => lowered(exportedFixture('refused.pt2')));
    expect(message).toContain('these operations are not supported: lstm.input (in rnn)');
    expect(message).toContain('Supported are __and__, __or__');
  });

  it.each([
    [{ major: 9, minor: 0 }, 'schema_version is 9.0; 8.0 to 8.20 are known'],
    [{ major: 8, minor: 21 }, 'schema_version is 8.21'],
    ['none', 'schema_version is undefined.undefined'],
  ])('another version of the schema: %j', async (version, message) => {
    expect(await failure(() => lowered(model((value) => (value.schema_version = version))))).toContain(
      message,
    );
  });

  it('weights that are pickles', async () => {
    const path = changed('image.pt2', 'model_weights_config.json', (value) => {
      value.config['fc.weight'].use_pickle = true;
    });
    expect(await failure(() => lowered(path))).toContain('"fc.weight" is stored as a pickle, which is code');
  });

  it('weights that their file does not hold', async () => {
    const path = changed('image.pt2', 'model_weights_config.json', (value) => {
      value.config['fc.weight'].tensor_meta.sizes = [{ as_int: 3 }, { as_int: 160000 }];
      value.config['fc.weight'].tensor_meta.strides = [{ as_int: 160000 }, { as_int: 1 }];
    });
    expect(await failure(() => lowered(path))).toMatch(/"fc.weight".*needs 480000 elements/);
  });

  it('a shape that is not what PyTorch recorded', async () => {
    const path = model((value) => (value.graph_module.graph.tensor_values.linear.sizes[1].as_int = 5));
    expect(await failure(() => lowered(path))).toContain(
      'linear in module "fc" (linear.default): PyTorch recorded the shape [batch, 5]; [batch, 3] was found',
    );
  });

  it('arguments that are not supported, by name', async () => {
    const path = model((value) => {
      const pool = nodes(value).find(({ target }) => target.includes('max_pool2d'))!;
      pool.inputs.push({ name: 'dilation', arg: { as_ints: [2, 2] } });
    });
    expect(await failure(() => lowered(path))).toContain(
      'max_pool2d (max_pool2d.default): dilation is not supported',
    );
  });

  it('float16', async () => {
    const path = model((value) => (value.graph_module.graph.tensor_values.conv2d.dtype = 6));
    expect(await failure(() => lowered(path))).toContain('elements of type float16');
  });

  it('a fixed number of examples', async () => {
    const path = model((value) => {
      value.graph_module.graph.tensor_values.x.sizes[0] = { as_int: 2 };
    });
    const message = await failure(() => lowered(path));
    expect(message).toContain('the input "x" has the fixed shape [2, 1, 8, 8]');
    expect(message).toContain('dynamic_shapes');
  });

  it('an output that is not there, and settings of other ways to adopt', async () => {
    expect(await failure(adopt('image', { output: 2 }))).toContain('output 2 of 1 was chosen');
    await expect(adopt('image', { activation: 'relu' })).rejects.toThrow(
      'has no effect on an exported network',
    );
    await expect(job('adopt', { directory: fresh() })).rejects.toThrow(
      'at least one weight file was expected',
    );
  });

  it('something else than such a file', async () => {
    expect(await failure(() => lowered(exportedFixture('outputs.json')))).toContain('zip');
  });

  it('a config whose packed network was changed', async () => {
    const { directory } = await adopt('image');
    const path = join(directory, 'config.yaml');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(/network: \S{40}/, 'network: AAAA'));
    expect(await failure(() => readRun(directory))).toContain(
      'model.network: what Basin wrote there was changed',
    );
  });
});
