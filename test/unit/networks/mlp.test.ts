/** The multilayer perceptron as a graph: the reference's parameters, its permutation specification, its logits. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import type { Backend } from '../../../src-main/compute/backend/index.ts';
import { initialise } from '../../../src-main/compute/models/index.ts';
import type { StateDict } from '../../../src-main/compute/models/index.ts';
import { dataOf, relativeChange } from '../../../src-main/compute/networks/check-symmetries.ts';
import { acting, actingArrays, fixedParts } from '../../../src-main/compute/networks/effective.ts';
import type { FixedTensors } from '../../../src-main/compute/networks/effective.ts';
import { hostForward } from '../../../src-main/compute/networks/host.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';
import { inDoubles } from '../../../src-main/compute/networks/permute.ts';
import { forward } from '../../../src-main/compute/networks/run.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { norms, symmetryFamilies } from '../../../src-shared/domain.ts';
import type { Family, Norm } from '../../../src-shared/domain.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { referenceRuns, referenceSpec, referenceState } from '../../support/reference-run.ts';

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

const specs: [string, MlpSpec][] = symmetryFamilies.flatMap((family) =>
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
  if (norm === 'rms') affine.splice(1);
  return [
    ...weights.flatMap((name) => [`lins.${i}.${name} 0`, `lins.${i + 1}.${name} 1`]),
    `lins.${i}.bias 0`,
    ...[...affine, ...(ofNorm[norm] ?? [])].map((name) => `norms.${i}.${name} 0`),
    ...(family === 'sigma-asymmetric' ? [`activations.${i}.C 0`, `activations.${i}.C 1`] : []),
  ];
}

/** The modules in the order in which mlp.py registers them: all layers, all activations, all norms. */
function referenceParameters({ asymInitOnly, ...spec }: MlpSpec): string[] {
  const family = asymInitOnly ? 'standard' : spec.family;
  const companions: Record<string, string[]> = { 'w-asymmetric': ['mask', 'normal_mask'], syre: ['noise'] };
  const role = spec.elementwiseAffine ? 'trained' : 'fixed';
  const norms: Record<Norm, (n: number) => string[]> = {
    none: () => [],
    rms: (n) => (spec.elementwiseAffine ? [`weight [${n}] trained`] : []),
    layer: (n) => (spec.elementwiseAffine ? [`weight [${n}] trained`, `bias [${n}] trained`] : []),
    batch: (n) => [
      ...norms.layer(n),
      ...[`running_mean [${n}]`, `running_var [${n}]`, 'num_batches_tracked []'].map(
        (s) => `${s} statistics`,
      ),
    ],
    layer_linear: (n) => inOrder(['scale [] fixed'], n),
    batch_linear: (n) => inOrder([`inv_std [${n}] fixed`], n),
  };
  const inOrder = (scale: string[], n: number): string[] => {
    const affine = [`weight [${n}] ${role}`, `bias [${n}] ${role}`];
    return spec.elementwiseAffine ? [...affine, ...scale] : [...scale, ...affine];
  };
  const hidden = widths.slice(1, -1);
  return [
    ...widths.slice(1).flatMap((outputs, i) => {
      const matrix = `[${outputs},${widths[i]}]`;
      return [
        ...[`lins.${i}.weight ${matrix} trained`, `lins.${i}.bias [${outputs}] trained`],
        ...(companions[family] ?? []).map((name) => `lins.${i}.${name} ${matrix} fixed`),
      ];
    }),
    ...(family === 'sigma-asymmetric' ? hidden.map((n, i) => `activations.${i}.C [${n},${n}] fixed`) : []),
    ...hidden.flatMap((n, i) => norms[spec.norm](n).map((line) => `norms.${i}.${line}`)),
  ];
}

describe.each(specs)('%s', (_name, spec) => {
  const network = readNetwork(mlpGraph(spec));
  const states = initialise(spec, { init: [1, 2], mask: 3 });

  test('has the parameters of the state dict, in its order', () => {
    const found = network.graph.parameters.map(
      ({ name, shape, role }) => `${name} [${shape.join()}] ${role}`,
    );
    expect(found).toEqual(referenceParameters(spec));
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

  test('computes what the parameters as they act give in double precision', () => {
    const x = Float32Array.from(new RandomStream(5, 'x').normals(7 * widths[0]!));
    expect(
      relativeChange(exactly(spec, states, x), Float64Array.from(logitsOf(spec, states, x))),
    ).toBeLessThan(2e-6);
    expect(tensorCount(backend)).toEqual(before);
  });
});

test.each(referenceRuns)('the reference run %s: logits as in double precision', (run) => {
  const spec = referenceSpec(run);
  const states = [1, 2].map((model) => referenceState(run, 5, model));
  const x = Float32Array.from(new RandomStream(6, 'x').normals(20 * 784));
  expect(relativeChange(exactly(spec, states, x), Float64Array.from(logitsOf(spec, states, x)))).toBeLessThan(
    2e-6,
  );
});

/** [M, rows, classes] in plain double precision. */
function exactly(spec: MlpSpec, states: readonly StateDict[], x: Float32Array): Float64Array {
  const network = readNetwork(mlpGraph(spec));
  return Float64Array.from(
    states.flatMap((state) =>
      Array.from(hostForward(network, dataOf(inDoubles(actingArrays(network, state))), Float64Array.from(x))),
    ),
  );
}

/** [M, rows, classes] by the interpreter, from stored tensors. */
function logitsOf(spec: MlpSpec, states: readonly StateDict[], x: Float32Array): Float32Array {
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
    return forward(
      maths,
      network,
      acting(maths, stored, fixed),
      tf.tensor(x, [1, x.length / spec.layers[0]!.inputs, spec.layers[0]!.inputs]),
    ).output;
  });
  const values = out.dataSync() as Float32Array;
  out.dispose();
  return values;
}
