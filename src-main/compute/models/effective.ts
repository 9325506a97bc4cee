import { activationOf, normOf } from '../../../src-shared/model.ts';
import type { LayerSpec, MlpSpec } from '../../../src-shared/model.ts';
import { storedFamily } from './layout.ts';
import type { EffectiveLayer, EffectiveNetwork, NormParameters, StateDict } from './network.ts';
import { tensorOf } from './state-dict.ts';

const linearEps = 1e-12;

/**
 * The non-asymmetric network that computes the same function. W-asymmetric: mask * W + (1 - mask) * sigma_F * F;
 * SYRE: W + sigma_F * noise; each layer with its OWN sigma_F. The gates of sigma-asymmetric activations stay.
 * Rounds as PyTorch's float32 arithmetic does. Nothing is shared with the state dict.
 */
export function toEffective(spec: MlpSpec, state: StateDict): EffectiveNetwork {
  const last = spec.layers.length - 1;
  const layers = spec.layers.map((layer): EffectiveLayer => {
    const { index, inputs, outputs } = layer;
    const linear = {
      inputs,
      outputs,
      weight: effectiveWeight(spec, state, index),
      bias: tensorOf(state, `lins.${index}.bias`).data.slice(),
    };
    if (index === last) return linear;
    const norm = normParameters(spec, state, layer);
    const activation =
      spec.family === 'sigma-asymmetric' && !spec.asymInitOnly
        ? { kind: 'swiglu' as const, gate: tensorOf(state, `activations.${index}.C`).data.slice() }
        : activationOf(spec, layer);
    return { ...linear, ...(norm && { norm }), activation };
  });
  return { layers };
}

/** [outputs, inputs] of layer `index`. */
export function effectiveWeight(spec: MlpSpec, state: StateDict, index: number): Float32Array<ArrayBuffer> {
  const weight = Float32Array.from(tensorOf(state, `lins.${index}.weight`).data);
  const fixed = fixedWeight(spec, state, index);
  if (!fixed) return weight;
  if (storedFamily(spec) === 'syre') {
    for (let i = 0; i < weight.length; i++) weight[i] = weight[i]! + fixed[i]!;
    return weight;
  }
  const mask = tensorOf(state, `lins.${index}.mask`).data;
  for (let i = 0; i < weight.length; i++) if (mask[i] === 0) weight[i] = fixed[i]!;
  return weight;
}

/**
 * The fixed part of layer `index`, [outputs, inputs]: (1 - mask) * sigma_F * F for W-asymmetric models, sigma_F * noise
 * for SYRE; undefined for families that have none.
 */
export function fixedWeight(
  spec: MlpSpec,
  state: StateDict,
  index: number,
): Float32Array<ArrayBuffer> | undefined {
  const family = storedFamily(spec);
  const sigma = Math.fround(spec.layers[index]!.sigmaF);
  if (family === 'syre')
    return tensorOf(state, `lins.${index}.noise`).data.map(
      (noise) => sigma * noise,
    ) as Float32Array<ArrayBuffer>;
  if (family !== 'w-asymmetric') return undefined;
  const mask = tensorOf(state, `lins.${index}.mask`).data;
  const normal = tensorOf(state, `lins.${index}.normal_mask`).data;
  const fixed = new Float32Array(mask.length);
  for (let i = 0; i < fixed.length; i++) fixed[i] = mask[i] === 0 ? sigma * normal[i]! : 0;
  return fixed;
}

function normParameters(spec: MlpSpec, state: StateDict, layer: LayerSpec): NormParameters | undefined {
  const { index, outputs: width } = layer;
  const kind = normOf(spec, layer);
  if (kind === 'none') return undefined;
  const name = `norms.${index}`;
  const copy = (key: string): Float32Array => tensorOf(state, `${name}.${key}`).data.slice();
  const affine = spec.elementwiseAffine ? { weight: copy('weight'), bias: copy('bias') } : {};
  switch (kind) {
    case 'layer':
      return { kind: 'layer', ...affine };
    case 'batch':
      return { kind: 'batch', ...affine, runningMean: copy('running_mean'), runningVar: copy('running_var') };
    case 'layer_linear': {
      // The file holds scale = 1/sqrt((1 - 1/n) mean(v) + 1e-12): every v with that mean gives the same network.
      const scale = tensorOf(state, `${name}.scale`).data[0]!;
      const mean = (1 / (scale * scale) - linearEps) / (1 - 1 / width);
      return { kind: 'layer_linear', ...affine, initialVariance: new Float32Array(width).fill(mean) };
    }
    case 'batch_linear': {
      const variance = tensorOf(state, `${name}.inv_std`).data.map((s) => 1 / (s * s) - linearEps);
      return { kind: 'batch_linear', ...affine, initialVariance: variance };
    }
  }
}

/**
 * The factor(s) by which a linearised norm multiplies: one number for `layer_linear` (after subtracting the mean over
 * the layer), one per output for `batch_linear` (normalization.py:53-100).
 */
export function linearScale(kind: 'layer_linear' | 'batch_linear', variance: Float32Array): Float32Array {
  if (kind === 'batch_linear') return variance.map((v) => 1 / Math.sqrt(v + linearEps));
  const mean = variance.reduce((sum, v) => sum + v, 0) / variance.length;
  return Float32Array.of(1 / Math.sqrt((1 - 1 / variance.length) * mean + linearEps));
}
