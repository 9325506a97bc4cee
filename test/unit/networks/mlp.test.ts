/** The multilayer perceptron as a graph: the reference's parameters, its permutation specification, its logits. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import type { Backend, Tensor } from '../../../src-main/compute/backend/index.ts';
import {
  forwardStacked,
  initialise,
  stateLayout,
  toEffective,
} from '../../../src-main/compute/models/index.ts';
import type { StateDict } from '../../../src-main/compute/models/index.ts';
import { releaseKernels } from '../../../src-main/compute/models/kernels.ts';
import { acting, fixedParts } from '../../../src-main/compute/networks/effective.ts';
import type { FixedTensors } from '../../../src-main/compute/networks/effective.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';
import { forward } from '../../../src-main/compute/networks/run.ts';
import { families, norms } from '../../../src-shared/domain.ts';
import type { Family, Norm } from '../../../src-shared/domain.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import {
  largestDifference,
  referenceRuns,
  referenceSpec,
  referenceState,
} from '../../support/reference-run.ts';

let backend: Backend;
let before: ReturnType<typeof tensorCount>;
beforeAll(async () => {
  backend = await loadBackend();
  before = tensorCount(backend);
});

const widths = [30, 12, 9, 4];

function specOf(family: Family, norm: Norm, change: Partial<MlpSpec> = {}): MlpSpec {
  const layers = widths.slice(1).map((outputs, index) => ({
    ...{ index, inputs: widths[index]!, outputs, normalMask: true },
    sigmaF: family === 'w-asymmetric' || family === 'syre' ? 1 + index : 0,
    numFixed: family === 'w-asymmetric' ? 3 + index : 0,
  }));
  const plain = { elementwiseAffine: true, activation: 'gelu', asymInitOnly: false } as const;
  return { architecture: 'mlp', family, layers, norm, ...plain, ...change };
}

const specs: [string, MlpSpec][] = families.flatMap((family) =>
  norms
    .filter((norm) => family !== 'sigma-asymmetric' || !norm.includes('linear'))
    .flatMap((norm): [string, MlpSpec][] => [
      [`${family}, norm ${norm}`, specOf(family, norm)],
      [`${family}, norm ${norm}, not affine`, specOf(family, norm, { elementwiseAffine: false })],
      [
        `${family}, norm ${norm}, initialised only`,
        specOf(family, norm, { asymInitOnly: family === 'syre' }),
      ],
    ]),
);

/**
 * P_i moves the outputs of lins.i, all of norms.i, both axes of activations.i.C, and the inputs of lins.{i+1}; F and D with
 * their weights. (src/utils/rebasin, mlp_permutation_spec)
 */
function referenceAxes(spec: MlpSpec, i: number): string[] {
  const { family, norm, elementwiseAffine } = { ...spec, ...(spec.asymInitOnly && { family: 'standard' }) };
  const companions: Record<string, string[]> = { 'w-asymmetric': ['mask', 'normal_mask'], syre: ['noise'] };
  const weights = ['weight', ...(companions[family] ?? [])];
  const ofNorm: Record<string, string[]> = {
    batch: ['running_mean', 'running_var'],
    batch_linear: ['inv_std'],
  };
  // Without an affine part the linearised norms keep ones and zeros in its place.
  const affine = norm !== 'none' && (elementwiseAffine || norm.includes('linear')) ? ['weight', 'bias'] : [];
  return [
    ...weights.flatMap((name) => [`lins.${i}.${name} 0`, `lins.${i + 1}.${name} 1`]),
    `lins.${i}.bias 0`,
    ...[...affine, ...(ofNorm[norm] ?? [])].map((name) => `norms.${i}.${name} 0`),
    ...(family === 'sigma-asymmetric' ? [`activations.${i}.C 0`, `activations.${i}.C 1`] : []),
  ];
}

describe.each(specs)('%s', (_name, spec) => {
  const network = readNetwork(mlpGraph(spec));
  const states = initialise(spec, { init: [1, 2], mask: 3 });

  test('has the parameters of the state dict, in its order', () => {
    const found = network.graph.parameters.map(({ name, shape, role }) => ({
      ...{ name, shape },
      role: role === 'trained' ? 'parameter' : 'buffer',
    }));
    expect(found).toEqual(stateLayout(spec));
  });

  test('has the permutation groups of the reference', () => {
    const { groups } = symmetriesOf(network);
    expect(groups.map(({ name, size }) => [name, size])).toEqual([
      ['P_0', widths[1]],
      ['P_1', widths[2]],
    ]);
    groups.forEach(({ axes }, layer) => {
      const found = axes.map(({ parameter, axis }) => `${parameter} ${axis}`);
      expect(found.sort()).toEqual(referenceAxes(spec, layer).sort());
      for (const { places, block } of axes) {
        expect(block).toBe(1);
        expect(Array.from(places)).toEqual(Array.from(places, (_, k) => k));
      }
    });
  });

  test('computes what the stacked networks compute', () => {
    const x = backend.tf.randomNormal([7, 30], 0, 1, 'float32', 5);
    const { logits } = forwardStacked(
      backend,
      states.map((state) => toEffective(spec, state)),
      x,
    );
    const expected = logits.dataSync();
    const found = logitsOf(spec, states, x);
    expect(largestDifference(found, expected) / Math.max(...expected.map(Math.abs))).toBeLessThan(2e-6);
    backend.tf.dispose([x, logits]);
    releaseKernels(backend);
    expect(tensorCount(backend)).toEqual(before);
  });
});

test.each(referenceRuns)('the reference run %s: logits as by the stacked networks', (run) => {
  const spec = referenceSpec(run);
  const states = [1, 2].map((model) => referenceState(run, 5, model));
  const x = backend.tf.randomNormal([20, 784], 0, 1, 'float32', 6);
  const { logits } = forwardStacked(
    backend,
    states.map((state) => toEffective(spec, state)),
    x,
  );
  const expected = logits.dataSync();
  const scale = Math.max(...expected.map(Math.abs));
  expect(largestDifference(logitsOf(spec, states, x), expected) / scale).toBeLessThan(2e-6);
  backend.tf.dispose([x, logits]);
});

/** [M, rows, classes] by the interpreter, from stored tensors. */
function logitsOf(spec: MlpSpec, states: readonly StateDict[], x: Tensor): Float32Array {
  const { tf } = backend;
  const network = readNetwork(mlpGraph(spec));
  const out = tf.tidy(() => {
    const stored = new Map(
      [...network.parameters.values()].map(({ name, shape }) => [
        name,
        tf.stack(states.map((state) => tf.tensor(state.get(name)!.data, [...shape]))),
      ]),
    );
    const fixed: FixedTensors = new Map(
      fixedParts(network, states[0]!).map(({ parameter, shape, offset, mask }) => [
        parameter,
        {
          offset: offset && tf.tensor(offset, [1, ...shape]),
          mask: mask && tf.tensor(mask, [1, ...shape]),
        },
      ]),
    );
    const maths = mathsOf(backend);
    return forward(maths, network, acting(maths, stored, fixed), tf.expandDims(x, 0)).output;
  });
  const values = out.dataSync() as Float32Array;
  out.dispose();
  return values;
}
