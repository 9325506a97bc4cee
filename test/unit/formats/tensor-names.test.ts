/** Run folders whose trainer compiled, wrapped or averaged the model: the weights are found under their own names. */
import { describe, expect, it } from 'vitest';
import { nearestReading, unwrapped } from '../../../src-main/formats/tensor-names.ts';
import { stateDictFromCheckpoint } from '../../../src-main/compute/models/index.ts';
import type { ReadableTensor } from '../../../src-main/compute/models/state-dict.ts';
import { referenceRuns, referenceSpec, referenceState } from '../../support/reference-run.ts';

const tensor = (shape: number[], data: Float32Array): ReadableTensor => ({ shape, readFloat32: () => data });

/** The tensors of a reference run, their names changed. */
function stored(run: string, rename: (name: string) => string): Map<string, ReadableTensor> {
  const state = referenceState(run, 5, 1);
  return new Map([...state].map(([name, { shape, data }]) => [rename(name), tensor(shape, data)]));
}

const prefixes = [
  'module.',
  '_orig_mod.',
  'model.',
  'net.',
  'module._orig_mod.',
  '_orig_mod.module.',
  'model.net.',
];

describe('wrappers before the names of a run folder', () => {
  it.each(referenceRuns.flatMap((run) => prefixes.map((prefix) => [run, prefix] as const)))(
    '%s under %s',
    (run, prefix) => {
      const state = stateDictFromCheckpoint(
        stored(run, (name) => prefix + name),
        referenceSpec(run),
        'file',
      );
      expect(state).toEqual(referenceState(run, 5, 1));
    },
  );

  it('modules that were compiled one by one', () => {
    const compiled = stored('sym0', (name) => name.replace(/^(lins\.\d+)/, '$1._orig_mod'));
    expect(stateDictFromCheckpoint(compiled, referenceSpec('sym0'), 'file')).toEqual(
      referenceState('sym0', 5, 1),
    );
  });

  it('counters and the like are passed over, whatever their shape; other tensors are not', () => {
    const tensors = stored('sym0', (name) => `module.${name}`);
    for (const name of [
      'n_averaged',
      'module.lins.0.total_ops',
      '_extra_state',
      'module.norms.0.num_batches_tracked',
    ])
      tensors.set(name, tensor([2, 1], Float32Array.of(1, 2)));
    expect(stateDictFromCheckpoint(tensors, referenceSpec('sym0'), 'file')).toEqual(
      referenceState('sym0', 5, 1),
    );
    tensors.set('module.lins.0.mask', tensor([2], Float32Array.of(1, 2)));
    expect(() => stateDictFromCheckpoint(tensors, referenceSpec('sym0'), 'file')).toThrow(
      /"lins\.0\.mask" does not belong/,
    );
  });

  it('a prefix that only some weights have is none', () => {
    const tensors = stored('sym0', (name) => (name.startsWith('lins') ? `module.${name}` : name));
    expect(() => stateDictFromCheckpoint(tensors, referenceSpec('sym0'), 'file')).toThrow(
      /"module\.lins\.0\.weight" does not belong/,
    );
  });

  it('two tensors that would have one name are refused, not chosen from', () => {
    const tensors = stored('sym0', (name) => name);
    tensors.set('_orig_mod.lins.0.weight', tensors.get('lins.0.weight')!);
    expect(() => stateDictFromCheckpoint(tensors, referenceSpec('sym0'), 'file')).toThrow(
      /"lins\.0\.weight" and "_orig_mod\.lins\.0\.weight" are both "lins\.0\.weight"/,
    );
  });

  it('a network whose own names begin like a wrapper keeps them', () => {
    const names = ['model.0.weight', 'model.0.bias'];
    expect(nearestReading(names, (name) => names.includes(name))).toMatchObject({ wrapper: '' });
    const wrapped = names.map((name) => `module.${name}`);
    expect(nearestReading(wrapped, (name) => names.includes(name))).toMatchObject({ wrapper: 'module.' });
    expect(unwrapped(wrapped, 'file')).toMatchObject({ wrapper: 'module.model.' });
  });
});

describe('counters of batch norms', () => {
  it.each([
    [[], [7]],
    [[1], [7]],
    [[1, 1], [7]],
  ])('shape %j', (shape, data) => {
    const spec = { ...referenceSpec('sym0'), norm: 'batch' as const };
    const tensors = stored('sym0', (name) => name);
    for (const layer of spec.layers.slice(0, -1)) {
      const name = `norms.${layer.index}`;
      for (const field of ['running_mean', 'running_var'])
        tensors.set(`${name}.${field}`, tensor([layer.outputs], new Float32Array(layer.outputs)));
      tensors.set(`${name}.num_batches_tracked`, tensor(shape, Float32Array.from(data)));
    }
    const state = stateDictFromCheckpoint(tensors, spec, 'file');
    expect(state.get('norms.0.num_batches_tracked')).toEqual({ shape: [], data: Float32Array.of(7) });
  });
});
