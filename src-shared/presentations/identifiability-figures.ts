/** Figures of single measures of neuron identifiability. */
import type { LayerSensitivity } from '../jobs/permutation-sensitivity.ts';
import type { LayerCoherence } from '../jobs/subspace-coherence.ts';
import { boxesOf } from './layer-figures.ts';
import type { Figures } from './layer-figures.ts';

/** Over the checkpoints, layer by layer. */
export function coherenceFigure(rows: readonly { coherence_results: LayerCoherence[] }[]): Figures {
  const layers = [...new Set(rows.flatMap((row) => row.coherence_results.map((l) => l.layer)))];
  const groups = layers.map((layer) => ({
    label: layer,
    values: rows.flatMap((row) =>
      row.coherence_results.filter((l) => l.layer === layer).map((l) => l.subspace_coherence),
    ),
  }));
  const title = `${rows.length} checkpoint${rows.length === 1 ? '' : 's'}`;
  return [
    {
      title: 'Coherence of the inputs, layer by layer',
      recipe: boxesOf('subspace coherence', [{ title, groups }]),
    },
  ];
}

/** gamma_out over k, one point per layer, beside sigma_F sqrt k m^(-2/k); layers without a random F are left out. */
export function gammaFigure(layers: readonly LayerSensitivity[]): Figures {
  const scales = [
    ...new Set(
      layers.flatMap(({ sigma_f, gamma_out }) =>
        sigma_f !== null && sigma_f > 0 && gamma_out.value > 0 ? [sigma_f] : [],
      ),
    ),
  ];
  return scales.flatMap((sigmaF): Figures => {
    const some = layers.filter((l) => l.sigma_f === sigmaF && l.neurons >= 2);
    const places = Map.groupBy(some, (l) => `${l.subspace_dimension} ${l.neurons}`);
    const distinct = (of: (l: LayerSensitivity) => number): number =>
      new Set([...places.values()].map((at) => of(at[0]!))).size;
    // A line needs two places of the same width, or of the same dimension.
    const lines =
      distinct((l) => l.neurons) < places.size || distinct((l) => l.subspace_dimension) < places.size;
    if (places.size < 2 || !lines) return [];
    const points = [...places.values()].map((at) => ({
      k: at[0]!.subspace_dimension,
      m: at[0]!.neurons,
      measured: at.map((l) => l.gamma_out.value),
    }));
    return [
      { title: `Center gap, σ_F = ${sigmaF}`, recipe: { kind: 'gamma-out', data: { sigmaF, points } } },
    ];
  });
}
