/**
 * Whatever order a file lists its tensors in, whatever stands before their names and lies beside them: adopted networks
 * compute what a plain forward pass over the layers as they were built computes, and ambiguous ones are refused.
 */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadModels } from '../../../src-main/compute/load-models.ts';
import { recogniseStateDict } from '../../../src-main/interop/adopt/state-dicts.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { writeSafetensors } from '../../../src-main/formats/safetensors.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import { writeTorchFile } from '../../../src-main/formats/torch/write-torch.ts';
import { exactOutput } from '../../support/model-output.ts';
import { job } from '../../support/job.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-adopt-order-'));
let count = 0;
const fresh = (ending = ''): string => join(folder, `${++count}${ending}`);

type Norm = 'none' | 'layer' | 'batch';
interface Built {
  /** Module of each linear layer, and of the norm behind it. */
  linears: string[];
  norms: string[];
  norm: Norm;
  widths: number[];
  seed: number;
}

/** How people name `count` linear layers, and norms between linear layer and activation, if the names tell it. */
const schemes: Record<string, (count: number, norm: Norm) => Pick<Built, 'linears' | 'norms'>> = {
  sequential: (count, norm) => spaced(count, norm === 'none' ? 2 : 3, ''),
  'sequential with dropout': (count, norm) => spaced(count, norm === 'none' ? 3 : 4, 'mlp.'),
  fc: (count) => ({ linears: each(count, (i) => `fc${i + 1}`), norms: [] }),
  'layers.N': (count) => ({ linears: each(count, (i) => `layers.${i}`), norms: [] }),
  'lins.N': (count) => ({
    linears: each(count, (i) => `lins.${i}`),
    norms: each(count - 1, (i) => `norms.${i}`),
  }),
  'blocks of a Sequential': (count) => ({
    linears: each(count, (i) => `backbone.block.${i}.0`),
    norms: each(count - 1, (i) => `backbone.block.${i}.1`),
  }),
  'nested modules': (count) => ({
    linears: each(count, (i) => (i === count - 1 ? 'head' : `backbone.block.${i}.linear`)),
    norms: [],
  }),
  'inp, hidden, out': (count) => ({
    linears: each(count, (i) => (i === 0 ? 'inp' : i === count - 1 ? 'out' : `hidden.${i - 1}`)),
    norms: [],
  }),
};

function each(count: number, name: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => name(i));
}

function spaced(count: number, step: number, before: string): Pick<Built, 'linears' | 'norms'> {
  return {
    linears: each(count, (i) => `${before}${i * step}`),
    norms: each(count - 1, (i) => `${before}${i * step + 1}`),
  };
}

const built = fc
  .record({
    scheme: fc.constantFrom(...Object.keys(schemes)),
    count: fc.integer({ min: 2, max: 13 }),
    norm: fc.constantFrom<Norm>('none', 'layer', 'batch'),
    tapered: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ scheme, count, norm, tapered, seed }): Built => {
    const names = schemes[scheme]!(count, norm);
    const hidden = each(count - 1, String).map((_, i) => (tapered ? 5 + (i % 2) : 5));
    const told = names.norms.length > 0 ? norm : 'none';
    return {
      ...names,
      ...{ norms: told === 'none' ? [] : names.norms, norm: told, widths: [7, ...hidden, 3], seed },
    };
  });

function tensorsOf({ linears, norms, norm, widths, seed }: Built): Map<string, TensorValue> {
  const stream = new RandomStream(seed, 'adopt-order');
  const tensors = new Map<string, TensorValue>();
  const add = (name: string, shape: number[], change = (v: number) => v): void => {
    const size = shape.reduce((a, b) => a * b, 1);
    tensors.set(name, { dtype: 'float32', shape, data: Float32Array.from(stream.normals(size), change) });
  };
  linears.forEach((path, i) => {
    add(`${path}.weight`, [widths[i + 1]!, widths[i]!]);
    add(`${path}.bias`, [widths[i + 1]!]);
  });
  norms.forEach((path, i) => {
    for (const field of ['weight', 'bias']) add(`${path}.${field}`, [widths[i + 1]!]);
    if (norm !== 'batch') return;
    add(`${path}.running_mean`, [widths[i + 1]!]);
    add(`${path}.running_var`, [widths[i + 1]!], (v) => 0.2 + v * v);
    tensors.set(`${path}.num_batches_tracked`, { dtype: 'int64', shape: [], data: BigInt64Array.of(9n) });
  });
  return tensors;
}

/** relu(norm(W x + b)) layer by layer, as the network was built; nothing of Basin's in it. */
function plainForward(
  { linears, norms, norm }: Built,
  tensors: Map<string, TensorValue>,
  x: number[],
): number[] {
  const data = (name: string): number[] => Array.from(tensors.get(name)!.data as Float32Array);
  let values = x;
  for (const [i, path] of linears.entries()) {
    const [weight, bias] = [data(`${path}.weight`), data(`${path}.bias`)];
    const inputs = values.length;
    let z = bias.map((b, row) => values.reduce((sum, v, k) => sum + weight[row * inputs + k]! * v, b));
    if (i === linears.length - 1) return z;
    if (norm !== 'none') {
      const [scale, shift] = [data(`${norms[i]!}.weight`), data(`${norms[i]!}.bias`)];
      const mean = z.reduce((a, b) => a + b, 0) / z.length;
      const variance = z.reduce((a, b) => a + (b - mean) ** 2, 0) / z.length;
      const means = norm === 'batch' ? data(`${norms[i]!}.running_mean`) : z.map(() => mean);
      const variances = norm === 'batch' ? data(`${norms[i]!}.running_var`) : z.map(() => variance);
      z = z.map((v, k) => ((v - means[k]!) / Math.sqrt(variances[k]! + 1e-5)) * scale[k]! + shift[k]!);
    }
    values = z.map((v) => Math.max(0, v));
  }
  throw new Error('unreachable');
}

const prefixes = [
  '',
  'module.',
  '_orig_mod.',
  'model.',
  'net.',
  'module._orig_mod.',
  'model._orig_mod.module.',
];
const scalar = (shape: number[]): TensorValue => ({ dtype: 'int64', shape, data: BigInt64Array.of(3n) });
/** What lies beside weights; `P` stands for the prefix, `M` for the first module. */
const extras: Record<string, TensorValue> = {
  n_averaged: scalar([]),
  P_extra_state: { dtype: 'uint8', shape: [4], data: Uint8Array.of(1, 2, 3, 4) },
  'PM._extra_state': { dtype: 'uint8', shape: [2], data: Uint8Array.of(5, 6) },
  'PM.num_batches_tracked': scalar([1]),
  'PM.total_ops': { dtype: 'float64', shape: [1], data: Float64Array.of(12) },
};

/** The tensors under a prefix, extras among them, in a random order. */
function asSaved(
  tensors: Map<string, TensorValue>,
  { prefix, kept, seed, module }: { prefix: string; kept: string[]; seed: number; module: string },
): Map<string, TensorValue> {
  const own = [...tensors].map(([name, tensor]) => [prefix + name, tensor] as const);
  const named = kept.map((name) => [name.replace('M', module).replace(/^P/, prefix), extras[name]!] as const);
  const entries = [...own, ...named];
  const order = new RandomStream(seed, 'key order').permutation(entries.length);
  return new Map(Array.from(order, (k) => entries[k]!));
}

const saving = fc.record({
  prefix: fc.constantFrom(...prefixes),
  kept: fc.subarray(Object.keys(extras)),
  seed: fc.nat(),
  torch: fc.boolean(),
});

describe('adopted whatever the order of the file', () => {
  it('computes what the layers compute as they were built', async () => {
    await fc.assert(
      fc.asyncProperty(built, saving, async (network, { torch, ...how }) => {
        const tensors = tensorsOf(network);
        const saved = asSaved(tensors, { ...how, module: network.linears[0]! });
        const path = fresh(torch ? '.pt' : '.safetensors');
        (torch ? writeTorchFile : writeSafetensors)(path, saved);
        const directory = fresh();
        await job('adopt', { paths: [path], directory, activation: 'relu' });
        const x = Array.from(new RandomStream(network.seed, 'x').normals(7));
        const wanted = plainForward(network, tensors, x);
        const largest = Math.max(...wanted.map(Math.abs));
        const found = exactOutput(loadModels(directory, [1], 1)[0]!, x);
        wanted.forEach((logit, k) => {
          expect(Math.abs(found[k]! - logit)).toBeLessThanOrEqual(1e-9 * largest);
        });
      }),
      { numRuns: 100, seed: 12 },
    );
  });
});

type Ambiguous = [reason: RegExp, network: (norm: 'layer' | 'batch') => Partial<Built>];

/** Networks of which names and shapes leave more than one reading. */
const ambiguous: Record<string, Ambiguous> = {
  'square layers without numbers': [
    /order neither names nor shapes determine/,
    () => ({ linears: ['first', 'second', 'third', 'out'] }),
  ],
  'a square layer beside a list of them': [
    /order neither names nor shapes determine/,
    () => ({ linears: ['inp', 'hidden.0', 'hidden.1', 'extra', 'out'] }),
  ],
  'two lists of square layers': [
    /order neither names nor shapes determine/,
    () => ({ linears: ['inp', 'a.0', 'b.0', 'a.1', 'out'] }),
  ],
  'norms under names of their own': [
    /do not say whether norms come before activations: "norm1"/,
    (norm) => ({ linears: ['fc1', 'fc2', 'fc3'], norms: ['norm1', 'norm2'], norm }),
  ],
  'norms named in blocks': [
    /do not say whether norms come before activations/,
    (norm) => ({
      linears: ['block.0.linear', 'block.1.linear', 'head'],
      ...{ norms: ['block.0.norm', 'block.1.norm'], norm },
    }),
  ],
  'norms behind the activation': [
    /norm after the activation: by their numbers, "[25]" does not directly follow "[03]"/,
    (norm) => ({ linears: ['0', '3', '6'], norms: ['2', '5'], norm }),
  ],
  'norms in front of the layers': [
    /norm after the activation: by their numbers, "[36]" does not directly follow "[14]"/,
    (norm) => ({ linears: ['1', '4', '7'], norms: ['3', '6'], norm }),
  ],
  'norms with nothing behind them': [
    /nothing is between "1" and "2"/,
    (norm) => ({ linears: ['0', '2', '4'], norms: ['1', '3'], norm }),
  ],
  'two Sequentials': [
    /order neither names nor shapes determine/,
    () => ({ linears: ['encoder.0', 'encoder.2', 'decoder.0', 'decoder.2'] }),
  ],
  'an activation missing': [
    /nothing is between "body.2" and "body.3"/,
    () => ({ linears: ['body.0', 'body.2', 'body.3'] }),
  ],
};

describe('refused whatever the order of the file', () => {
  it.each(Object.entries(ambiguous))('%s', async (_, [reason, networkWith]) => {
    const norms = fc.constantFrom('layer' as const, 'batch' as const);
    await fc.assert(
      fc.asyncProperty(norms, saving, async (norm, { torch, ...how }) => {
        const given = networkWith(norm);
        const hidden = given.linears!.slice(1).map(() => 5);
        const network: Built = {
          ...{ norms: [], norm: 'none', widths: [7, ...hidden, 3], seed: how.seed, linears: [] },
          ...given,
        };
        const saved = asSaved(tensorsOf(network), { ...how, module: network.linears[0]! });
        const path = fresh(torch ? '.pt' : '.safetensors');
        (torch ? writeTorchFile : writeSafetensors)(path, saved);
        const directory = fresh();
        await expect(job('adopt', { paths: [path], directory, activation: 'relu' })).rejects.toThrow(reason);
        expect(existsSync(directory)).toBe(false);
      }),
      { numRuns: 12, seed: 34 },
    );
  });
});

describe('the order of layers', () => {
  const shape = fc.tuple(fc.constantFrom(2, 3, 4), fc.constantFrom(2, 3, 4));
  const path = fc.constantFrom('a', 'b', 'fc1', 'fc2', 'fc10', 'h.0', 'h.1', 'h.10', 'x.0.lin', 'x.2.lin');
  const layers = fc.uniqueArray(fc.tuple(path, shape), {
    ...{ minLength: 2, maxLength: 5, selector: ([name]) => name },
  });

  /** All orders in which shapes fit and numbers that can be compared rise, by trying each. */
  function allOrders(pieces: [string, [number, number]][]): string[] {
    const rank = (name: string): [string, number] => {
      const [, head = name, number = ''] = /^(\D*)(\d+)/.exec(name) ?? [];
      return [number === '' ? `alone ${name}` : head, Number(number)];
    };
    return permutationsOf(pieces)
      .filter((order) =>
        order.every(([name, [inputs]], i) => {
          if (i > 0 && order[i - 1]![1][1] !== inputs) return false;
          const [head, number] = rank(name);
          return order.slice(i + 1).every(([later]) => {
            const [other, n] = rank(later);
            return other !== head || n > number;
          });
        }),
      )
      .map((order) => order.map(([name]) => name).join(' '));
  }

  function permutationsOf<T>(items: T[]): T[][] {
    if (items.length === 0) return [[]];
    return items.flatMap((item, i) => permutationsOf(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
  }

  it('is told only if exactly one fits, and is that one', () => {
    let told = 0;
    fc.assert(
      fc.property(layers, (pieces) => {
        const shapes = new Map<string, { shape: number[] }>();
        for (const [name, [inputs, outputs]] of pieces) {
          shapes.set(`${name}.bias`, { shape: [outputs] });
          shapes.set(`${name}.weight`, { shape: [outputs, inputs] });
        }
        const found = recogniseStateDict(shapes);
        if (found.kind === 'other') return;
        told++;
        expect(allOrders(pieces)).toEqual([found.layers.map(({ linear }) => linear).join(' ')]);
      }),
      { numRuns: 3000, seed: 56 },
    );
    expect(told).toBeGreaterThan(100);
  });
});
