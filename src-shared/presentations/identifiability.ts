/** Presentations of the measures of neuron identifiability. */
import { rowsOf } from '../jobs/layer-measures.ts';
import { permutationSensitivityJob } from '../jobs/permutation-sensitivity.ts';
import type { LayerSensitivity } from '../jobs/permutation-sensitivity.ts';
import { realizationCostJob } from '../jobs/realization-cost.ts';
import { realizationCostRidgeJob } from '../jobs/realization-cost-ridge.ts';
import type { RidgePair } from '../jobs/realization-cost-ridge.ts';
import { subspaceCoherenceJob } from '../jobs/subspace-coherence.ts';
import { isMatrix } from '../matrix.ts';
import { boxFigure, epochFigure, matrixFigure, namesOf } from './layer-figures.ts';
import type { Named } from './layer-figures.ts';
import { coherenceFigure, gammaFigure } from './identifiability-figures.ts';
import { patchNotes } from './patch-notes.ts';
import { exchangesFinding, layersFinding, ridgeFinding } from '../verdicts/identifiability.ts';
import { shown } from '../shown.ts';
import { linesByEpoch, meanShown } from './lines.ts';
import { definePresenter, toldPlainly } from './present.ts';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

interface Common {
  split: string;
  data: string;
  warnings: string[];
}

/** What was measured on what. */
export function commonFacts(rows: readonly (Named & Common)[]): [string, string][] {
  const first = rows[0]!;
  const nameOf = namesOf(rows);
  const few =
    rows.length <= 4
      ? rows.map(nameOf).join('; ')
      : `${rows.length}, from ${nameOf(first)} to ${nameOf(rows.at(-1)!)}`;
  return [
    ...(rows.length > 1
      ? [['Run', [...new Set(rows.map(({ run_key }) => run_key))].join(', ')] as [string, string]]
      : []),
    [rows.length === 1 ? 'Checkpoint' : 'Checkpoints', few],
    ['Data', `${first.split} split of ${first.data}`],
  ];
}

export const notesOf = (rows: readonly Common[]): string[] => [
  ...new Set(rows.flatMap(({ warnings }) => warnings)),
];

const swapLook = {
  valueLabel: 'swap cost',
  rowLabel: 'neuron i',
  columnLabel: 'neuron j',
  scale: 'signed-sqrt',
  colours: 'diverging',
} as const;

const costLook = {
  ...swapLook,
  valueLabel: 'cost',
  rowLabel: 'slot i',
  columnLabel: 'neuron j',
  colours: 'viridis',
} as const;

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Entries (i, j), i < j. */
function upper(m: unknown): number[] {
  if (!isMatrix(m)) return [];
  const out: number[] = [];
  for (let i = 0; i < m.rows; i++)
    for (let j = i + 1; j < m.columns; j++) out.push(m.data[i * m.columns + j]!);
  return out;
}

function largest(m: unknown): number {
  let most = 0;
  if (isMatrix(m)) for (const cost of m.data) most = Math.max(most, cost);
  return most;
}

function diagonal(m: unknown): number[] {
  return isMatrix(m) ? Array.from({ length: m.rows }, (_, i) => m.data[i * m.columns + i]!) : [];
}

const epochOf = ({ epoch }: { epoch: number | null }): number | null => epoch;
const meanOrNull = (values: readonly number[]): number | null => (values.length === 0 ? null : mean(values));
const meanOrDash = (values: readonly number[]): string => (values.length === 0 ? '–' : shown(mean(values)));

export const realizationCost = definePresenter(realizationCostJob, (result) => {
  const rows = rowsOf(result);
  const layers = rows
    .flatMap((row) => row.realization_cost_results)
    .filter((l) => isMatrix(l.transposition_cost_squared))
    .map((l) => ({
      ...{ layer: l.layer, swaps: upper(l.transposition_cost_squared) },
      leastRank: l.min_gram_rank,
      largestCost: largest(l.mahalanobis_distance_squared),
    }));
  const nameOf = namesOf(rows);
  return {
    ...toldPlainly(
      layers.length === 0
        ? {
            outcome: 'not clear',
            text: 'Realization and swap costs of every layer; the Matrices view shows the matrices.',
          }
        : exchangesFinding(layers),
    ),
    facts: commonFacts(rows),
    table: {
      columns: [
        'checkpoint',
        'layer',
        'subspace',
        'variance',
        'coherence',
        'own cost',
        'swap cost',
        'least rank',
      ],
      rows: rows.flatMap((row) =>
        row.realization_cost_results.map((l) => [
          nameOf(row),
          l.layer,
          `${l.subspace_dimension} of ${l.full_dimension}`,
          percent(l.explained_variance_ratio),
          shown(l.subspace_coherence),
          meanOrDash(diagonal(l.mahalanobis_distance_squared)),
          meanOrDash(upper(l.transposition_cost_squared)),
          l.min_gram_rank ?? '–',
        ]),
      ),
    },
    lines: linesByEpoch(rows, epochOf, (there) => {
      const all = there.flatMap((row) => row.realization_cost_results);
      return {
        models: there.length,
        'own cost': meanShown(all.flatMap((l) => diagonal(l.mahalanobis_distance_squared))),
        'swap cost': meanShown(all.flatMap((l) => upper(l.transposition_cost_squared))),
      };
    }),
    figures: [
      ...matrixFigure('Swap costs', swapLook, rows, (row) =>
        row.realization_cost_results.map((l) => ({ title: l.layer, matrix: l.transposition_cost_squared })),
      ),
      ...matrixFigure('Realization costs', costLook, rows, (row) =>
        row.realization_cost_results.map((l) => ({ title: l.layer, matrix: l.mahalanobis_distance_squared })),
      ),
      ...epochFigure('Mean swap cost over training', 'mean swap cost', rows, (row) =>
        row.realization_cost_results.map((l) => ({
          layer: l.layer,
          value: meanOrNull(upper(l.transposition_cost_squared)),
        })),
      ),
    ],
    notes: [
      ...notesOf(rows),
      ...patchNotes(rows.flatMap((row) => row.realization_cost_results)),
      ...rows.flatMap((row) =>
        row.realization_cost_results
          .filter((l) => (l.min_gram_rank ?? l.subspace_dimension) < l.subspace_dimension)
          .map(
            (l) =>
              `${nameOf(row)}, ${l.layer}: the free weights of some neurons reach only ${l.min_gram_rank} of ${l.subspace_dimension} dimensions; the costs leave out the rest (pseudo-inverse, eigenvalues up to ${shown(l.gram_cutoff)} count as zero).`,
          ),
      ),
    ],
  };
});

export const subspaceCoherence = definePresenter(subspaceCoherenceJob, (result) => {
  const rows = rowsOf(result);
  const nameOf = namesOf(rows);
  const masked = rows.some((row) =>
    row.coherence_results.some((l) => (l.mean_anisotropy_operator_norm ?? 0) > 0),
  );
  const all = rows.flatMap((row) => row.coherence_results);
  const largest = all.reduce(
    (most, l) => (l.subspace_coherence > most.subspace_coherence ? l : most),
    all[0]!,
  );
  return {
    verdict: `Coherence ranges from ${shown(Math.min(...all.map((l) => l.subspace_coherence)))} to ${shown(largest.subspace_coherence)}, the largest at ${largest.layer}. A value of 1 means that a single input carries a direction of the data; the minimum, k/d, that all inputs carry equal shares.`,
    tone: 'plain',
    facts: commonFacts(rows),
    table: {
      columns: [
        'checkpoint',
        'place',
        'subspace',
        'variance',
        'coherence',
        'minimum',
        'mean anisotropy',
        'bound (δ = 0.1)',
      ],
      rows: rows.flatMap((row) =>
        row.coherence_results.map((l) => [
          nameOf(row),
          l.layer,
          `${l.subspace_dimension} of ${l.full_dimension}`,
          percent(l.explained_variance_ratio),
          shown(l.subspace_coherence),
          shown(l.subspace_dimension / l.full_dimension),
          shown(l.mean_anisotropy_operator_norm),
          shown(l.anisotropy_bounds?.['0.1']),
        ]),
      ),
    },
    lines: linesByEpoch(rows, epochOf, (there) => {
      const coherences = there.flatMap((row) => row.coherence_results.map((l) => l.subspace_coherence));
      return {
        models: there.length,
        'mean coherence': meanShown(coherences),
        'largest coherence': shown(Math.max(...coherences)),
      };
    }),
    figures: [
      ...coherenceFigure(rows),
      ...epochFigure('Coherence over training', 'coherence', rows, (row) =>
        row.coherence_results.map((l) => ({ layer: l.layer, value: l.subspace_coherence })),
      ),
      ...(masked
        ? boxFigure('Anisotropy of the neurons’ Gram matrices', 'anisotropy ‖Sᵢ − p I‖', rows, (row) =>
            row.coherence_results.map((l) => ({ label: l.layer, values: l.anisotropy_operator_norms ?? [] })),
          )
        : []),
    ],
    notes: [
      ...notesOf(rows),
      ...patchNotes(rows.flatMap((row) => row.coherence_results)),
      ...(masked
        ? []
        : [
            'Nothing is masked in these models, so every Gram matrix is the identity and there is no anisotropy.',
          ]),
      'The bound uses p instead of the largest deviation max(p, 1 − p), as the published code does: if fewer than half of the weights are free, it is too small.',
    ],
  };
});

/** A sum of costs that only rounding made other than nothing is nothing. */
const costOf = (delta: number, { own_cost }: LayerSensitivity): number =>
  Math.abs(delta) <= 1e-9 * own_cost ? 0 : delta;

export const permutationSensitivity = definePresenter(permutationSensitivityJob, (result) => {
  const rows = rowsOf(result);
  const layers = rows.flatMap((row) => row.sensitivity_results);
  const nameOf = namesOf(rows);
  const all = layers.length;
  return {
    ...toldPlainly(
      all === 1
        ? { outcome: layers[0]!.verdict.told_apart, text: layers[0]!.verdict.text }
        : layersFinding(layers.map(({ verdict }) => verdict.told_apart)),
    ),
    facts: [...commonFacts(rows), ['Seed of the random permutations', String(rows[0]!.permutation_seed)]],
    table: {
      columns: [
        'checkpoint',
        'layer',
        'identifiable',
        'mean swap cost',
        'least swap cost',
        'swaps that cost',
        'random permutations',
        'given',
        'γ_out',
        'γ_in',
        'near own center',
      ],
      rows: rows.flatMap((row) =>
        row.sensitivity_results.map((l) => [
          nameOf(row),
          l.layer,
          l.verdict.told_apart,
          shown(l.transpositions.mean),
          shown(l.transpositions.min),
          l.transpositions.count === 0 ? '–' : percent(l.transpositions.positive / l.transpositions.count),
          l.random.mean === null
            ? '–'
            : `${shown(costOf(l.random.mean, l))} ± ${shown(costOf(l.random.std ?? 0, l))}`,
          shown(l.given?.delta),
          shown(l.gamma_out.value),
          shown(l.gamma_in.value),
          `${l.center_dominance.below_half} of ${l.neurons}`,
        ]),
      ),
    },
    lines: linesByEpoch(rows, epochOf, (there) => {
      const of = there.flatMap((row) => row.sensitivity_results);
      const apart = of.filter((l) => l.verdict.told_apart === 'yes').length;
      return {
        models: there.length,
        'identifiable layers': `${apart} of ${of.length}`,
        'mean swap cost': meanShown(of.map((l) => l.transpositions.mean)),
        'random permutations': meanShown(of.map((l) => l.random.mean)),
      };
    }),
    figures: [
      ...matrixFigure('Swap costs', swapLook, rows, (row) =>
        row.sensitivity_results.map((l) => ({ title: l.layer, matrix: l.transposition_cost_squared })),
      ),
      ...(layers.some((l) => l.random.deltas.some((delta) => costOf(delta, l) !== 0))
        ? boxFigure('Costs of random permutations', 'cost Δ of a random permutation', rows, (row) =>
            row.sensitivity_results.map((l) => ({ label: l.layer, values: l.random.deltas })),
          )
        : []),
      ...epochFigure('Mean swap cost over training', 'mean swap cost', rows, (row) =>
        row.sensitivity_results.map((l) => ({ layer: l.layer, value: l.transpositions.mean })),
      ),
      ...gammaFigure(layers),
    ],
    notes: [
      ...notesOf(rows),
      ...patchNotes(rows.flatMap((row) => row.sensitivity_results)),
      `Identifiable? ${layers[0]!.verdict.rule}`,
      ...(all > 1 && all <= 16
        ? rows.flatMap((row) =>
            row.sensitivity_results.map((l) => `${nameOf(row)}, ${l.layer}: ${l.verdict.text}`),
          )
        : []),
      'γ_out: √2 times the smallest distance between two centers. γ_in: σ_F √m times the smallest distance between two inputs in the input subspace (m neurons).',
      '“Near own center”: neurons that have moved less than half of the distance to the nearest other center, so their own center is the closest.',
    ],
  };
});

export const realizationCostRidge = definePresenter(realizationCostRidgeJob, (result) => {
  const rows = rowsOf(result);
  const nameOf = namesOf(rows);
  const results = rows.flatMap((row) =>
    Object.values(row.results)
      .flat()
      .map((l) => ({ row, ...l })),
  );
  const own = (pairs: readonly RidgePair[]) =>
    pairs.filter(({ id1, id2 }) => id1 === id2).map((p) => p.objective_full);
  const other = (pairs: readonly RidgePair[]) =>
    pairs.filter(({ id1, id2 }) => id1 !== id2).map((p) => p.objective_full);
  const pairs = results.flatMap((l) => l.neuron_realization_costs);
  return {
    ...toldPlainly(ridgeFinding(own(pairs), other(pairs))),
    facts: [
      ...commonFacts(rows),
      [
        'Method',
        rows[0]!.method === 'adam'
          ? `AdamW, ${rows[0]!.num_inner_descent_iterations} steps, ${rows[0]!.warm_start ? 'warm' : 'cold'} starts`
          : 'exact minimum',
      ],
      ['Compared', rows[0]!.compare === 'activation' ? 'outputs after the activation' : 'linear outputs'],
      ['Samples', rows[0]!.samples === null ? 'not recorded in the file' : String(rows[0]!.samples)],
    ],
    table: {
      columns: ['checkpoint', 'layer', 'β', 'pairs', 'own function', 'another’s', 'error / β', '‖w‖²'],
      rows: results.map(({ row, layer, beta, neuron_realization_costs: costs }) => [
        nameOf(row),
        layer,
        shown(beta),
        costs.length,
        meanOrDash(own(costs)),
        meanOrDash(other(costs)),
        meanOrDash(costs.map((p) => p.objective_mse)),
        meanOrDash(costs.map((p) => p.objective_weight_regularization)),
      ]),
    },
    lines: linesByEpoch(rows, epochOf, (there) => {
      const costs = results
        .filter(({ row }) => there.includes(row))
        .flatMap((l) => l.neuron_realization_costs);
      return {
        models: there.length,
        'own function': meanShown(own(costs)),
        'another’s': meanShown(other(costs)),
      };
    }),
    figures: [
      ...matrixFigure('Swap costs by ridge regression', swapLook, rows, (row) =>
        row.matrices.map((m) => ({
          title: `${m.layer}, β = ${m.beta}`,
          matrix: m.transposition_cost_squared,
        })),
      ),
      ...matrixFigure('Costs by ridge regression', costLook, rows, (row) =>
        row.matrices.map((m) => ({ title: `${m.layer}, β = ${m.beta}`, matrix: m.ridge_cost })),
      ),
    ],
    notes: notesOf(rows),
  };
});
