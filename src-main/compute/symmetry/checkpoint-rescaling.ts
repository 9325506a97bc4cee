/** Which rescalings leave a checkpoint's function unchanged, decided per architecture, and doing them. */
import { UserError } from '../../../src-shared/errors.ts';
import { isMixed } from '../../../src-shared/model.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { fixedWeight, storedFamily } from '../models/index.ts';
import type { StateDict } from '../models/index.ts';
import type { WideLayer, WideNetwork, WideNorm } from './wide-network.ts';

export interface RescalingPlan {
  readonly scope: 'neuron' | 'layer';
  /** Per hidden layer which factors may differ from 1: one per neuron, or a single one for the layer. */
  readonly allowed: readonly Uint8Array[];
  /** What is moved and what is not, with reasons. */
  readonly notes: readonly string[];
}

/**
 * `neuron`: ReLU (or no activation) passes a positive factor on, so a neuron's incoming weights and bias (behind a norm:
 * the norm's weight and bias of that neuron) take c and the next layer's column 1/c. `layer`: a norm over the layer or
 * the batch takes out one positive factor of everything before it, exact up to the norm's epsilon.
 *
 * @throws UserError with the reason where nothing can be rescaled.
 */
export function planRescaling(spec: MlpSpec, state: StateDict, scope: 'neuron' | 'layer'): RescalingPlan {
  if (isMixed(spec)) {
    throw new UserError(
      'networks whose hidden layers differ in norm or activation are not rescaled; merging and matching work',
    );
  }
  if (scope === 'layer') return planLayers(spec, state);
  refuseActivation(spec);
  if (spec.norm !== 'none' && !spec.elementwiseAffine) {
    throw new UserError(`norms without weight and bias leave nothing that could carry a neuron's factor`, {
      hint: 'One factor per layer can still be moved: --scope layer.',
    });
  }
  const hidden = spec.layers.slice(0, -1);
  const fixed = spec.layers.map(({ index }) => pinned(spec, state, index));
  const allowed = hidden.map(({ outputs, inputs }, i) => {
    const next = spec.layers[i + 1]!;
    return Uint8Array.from({ length: outputs }, (_, j) => {
      const row = spec.norm === 'none' && hasPinned(fixed[i], inputs, j * inputs, 1);
      const column = hasPinned(fixed[i + 1], next.outputs, j, next.inputs);
      return row || column ? 0 : 1;
    });
  });
  const free = allowed.reduce((sum, layer) => sum + layer.reduce((s, x) => s + x, 0), 0);
  const total = hidden.reduce((sum, { outputs }) => sum + outputs, 0);
  if (free === 0) throw refusedByFixed(spec);
  const notes = [`${free} of ${total} hidden neurons are rescaled, each by a factor of its own`];
  if (free < total)
    notes.push(
      `${total - free} neurons stay: fixed weights other than 0 in their row or column cannot follow`,
    );
  if (storedFamily(spec) === 'syre') notes.push('the trainable weights absorb the change of the fixed noise');
  return { scope, allowed, notes };
}

function refuseActivation(spec: MlpSpec): void {
  const hint =
    spec.norm === 'layer' || spec.norm === 'batch'
      ? 'One factor per layer before its norm can be moved: --scope layer.'
      : undefined;
  const options = hint === undefined ? {} : { hint };
  if (storedFamily(spec) === 'sigma-asymmetric') {
    throw new UserError(
      'sigma-asymmetric networks cannot be rescaled: x * sigmoid(C x) does not pass a factor on',
      options,
    );
  }
  if (spec.activation === 'relu' || spec.activation === 'identity') return;
  throw new UserError(
    `networks with ${spec.activation} cannot be rescaled per neuron: ${spec.activation}(c z) is not c ${spec.activation}(z)`,
    options,
  );
}

function planLayers(spec: MlpSpec, state: StateDict): RescalingPlan {
  if (spec.norm !== 'layer' && spec.norm !== 'batch') {
    throw new UserError(
      `one factor per layer needs a norm that takes it out again; this network's norm is "${spec.norm}"`,
    );
  }
  const hidden = spec.layers.slice(0, -1);
  const allowed = hidden.map(({ index }) => {
    const fixed = pinned(spec, state, index);
    return Uint8Array.of(fixed?.some((x) => x === 1) ? 0 : 1);
  });
  const free = allowed.filter(([x]) => x === 1).length;
  if (free === 0) throw refusedByFixed(spec);
  return {
    scope: 'layer',
    allowed,
    notes: [
      `${free} of ${hidden.length} layers are rescaled before their ${spec.norm} norm; the function is unchanged up to the norm's epsilon 1e-5`,
    ],
  };
}

/** Entries that no trainable number can move: fixed and not zero. Undefined where the layer has none. */
function pinned(spec: MlpSpec, state: StateDict, index: number): Uint8Array | undefined {
  // SYRE adds its noise to trainable weights at every entry: those absorb whatever the noise would have to do.
  if (storedFamily(spec) !== 'w-asymmetric') return undefined;
  const fixed = fixedWeight(spec, state, index);
  return fixed && Uint8Array.from(fixed, (x) => (x === 0 ? 0 : 1));
}

function hasPinned(fixed: Uint8Array | undefined, count: number, start: number, stride: number): boolean {
  if (fixed === undefined) return false;
  for (let k = 0; k < count; k++) if (fixed[start + k * stride] === 1) return true;
  return false;
}

function refusedByFixed(spec: MlpSpec): UserError {
  const sigmas = [...new Set(spec.layers.map(({ sigmaF }) => sigmaF))].join(', ');
  return new UserError(
    `this W-asymmetric network cannot be rescaled: with sigma_F = ${sigmas} every neuron has fixed weights other than 0 in its row or column, which no trainable number can scale`,
    { hint: 'With sigma_F = 0 the fixed weights are 0 and stay 0 under any factor.' },
  );
}

/** The network with factors exp(t * logs): [hidden layer][neuron], or [hidden layer][0] for the scope `layer`. */
export function rescaled(
  network: WideNetwork,
  plan: RescalingPlan,
  logs: readonly Float64Array[],
  t: number,
): WideNetwork {
  const factorOf = (layer: number, neuron: number) => {
    const index = plan.scope === 'layer' ? 0 : neuron;
    return plan.allowed[layer]?.[index] === 1 ? Math.exp(t * logs[layer]![index]!) : 1;
  };
  return {
    layers: network.layers.map((layer, i) => {
      const incoming =
        plan.scope === 'neuron' && i > 0 ? withColumns(layer, (k) => 1 / factorOf(i - 1, k)) : layer;
      if (i === network.layers.length - 1) return incoming;
      if (plan.scope === 'neuron' && layer.norm !== undefined) {
        const { norm } = layer;
        const times = (data: Float64Array | undefined) => data?.map((x, j) => x * factorOf(i, j));
        return { ...incoming, norm: { ...norm, weight: times(norm.weight), bias: times(norm.bias) } };
      }
      return withRows(incoming, (j) => factorOf(i, j));
    }),
  };
}

function withColumns(layer: WideLayer, factor: (column: number) => number): WideLayer {
  return { ...layer, weight: layer.weight.map((x, k) => x * factor(k % layer.inputs)) };
}

function withRows(layer: WideLayer, factor: (row: number) => number): WideLayer {
  const norm: WideNorm | undefined = layer.norm && {
    ...layer.norm,
    runningMean: layer.norm.runningMean?.map((x, j) => x * factor(j)),
    runningVar: layer.norm.runningVar?.map((x, j) => x * factor(j) ** 2),
  };
  return {
    ...layer,
    weight: layer.weight.map((x, k) => x * factor(Math.floor(k / layer.inputs))),
    bias: layer.bias.map((x, j) => x * factor(j)),
    norm,
  };
}
