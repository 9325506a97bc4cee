/** What an evaluation (`evaluation.ts`) computes, and what its state and arguments are. */
import { types } from '../backend/index.ts';
import type { Spec } from '../backend/index.ts';
import type { Examples, Labels } from '../data/index.ts';
import { isCounter } from '../../formats/tensor-names.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import type { Way } from './execution.ts';
import type { Head } from './heads.ts';
import { readParameters } from './parameters.ts';

export interface EvaluationPlan {
  network: Network;
  /** Networks at once, P. */
  count: number;
  /** Examples per call; the last call is filled up. */
  rows: number;
  way: Way;
  /** How many edges the graph has whose nodes are the examples; `rows` are then all nodes. */
  edges?: number;
  /** Heads are mixed of those of other networks; absent: each of the P has its own. */
  mix?: { sources: number; used: number; permuted: boolean };
  /** Parameters that all networks share, [1, ...shape]; all others are [P, ...shape]. */
  shared?: ReadonlySet<string>;
  /**
   * Batch norms go by mean and biased variance of the examples of each call, so that `rows` decides the numbers; absent: by
   * their running statistics. `scores` gives scores as ever, `statistics` what a call's examples give the running ones.
   */
  byBatch?: 'scores' | 'statistics';
}

export type Place = { spec: Spec } & (
  | { kind: 'parameter'; name: string }
  /** Weights of a head, [S, outputs, inputs]. */
  | { kind: 'source'; name: string }
  /** Where a head's outputs are among those of the sources. */
  | { kind: 'places'; name: string }
  | { kind: 'shares'; name: '' }
);

/** What of a plan follows from examples that are the nodes of a graph: they go through the network together. */
export const graphPlan = ({ edges, count }: Examples): { rows?: number; edges?: number } =>
  edges ? { rows: count, edges: edges.sources.length } : {};

/** Sources and targets of the edges, if there are any. */
export const edgeSpecs = ({ edges }: { edges?: number | undefined }): Spec[] =>
  edges === undefined
    ? []
    : [
        { dtype: types.int32, shape: [edges] },
        { dtype: types.int32, shape: [edges] },
      ];

const arePredicted = ({ objective }: Network): boolean => objective?.loss === 'mean-squared-error';

/** Of the labels of a call's examples. Numbers to be predicted alone are no whole ones. */
export const labelSpec = ({ network, rows }: Pick<EvaluationPlan, 'network' | 'rows'>): Spec => ({
  dtype: arePredicted(network) ? types.float32 : types.int32,
  shape: network.objective ? [rows, network.objective.labels] : [rows],
});

/** Labels of a call, filled up as `scoreSums` wants it. */
export function filledUp(network: Network, labels: Labels, rows: number): { data: Labels; shape: number[] } {
  const shape = [...labelSpec({ network, rows }).shape];
  const length = sizeOf(shape);
  const data = arePredicted(network) ? new Float32Array(length).fill(NaN) : new Int32Array(length).fill(-1);
  data.set(labels);
  return { data, shape };
}

/** Of `TrainingPass`: weights of the rows, and from biased to unbiased variance. */
export const batchSpecs = (rows: number): Spec[] => [
  { dtype: types.float32, shape: [rows] },
  { dtype: types.float32, shape: [] },
];

/** In the order of the state. */
export function placesOf({ network, count, mix, shared }: EvaluationPlan, heads: readonly Head[]): Place[] {
  const mixed = new Set(mix ? heads.map(({ weight }) => weight) : []);
  const own = readParameters(network).flatMap(({ name, shape }): Place[] => {
    if (mixed.has(name) || isCounter(name)) return [];
    return [
      {
        kind: 'parameter',
        name,
        spec: { dtype: types.float32, shape: [shared?.has(name) ? 1 : count, ...shape] },
      },
    ];
  });
  if (!mix) return own;
  const { sources, used, permuted } = mix;
  const ofHeads = heads.flatMap(({ weight, outputs, inputs }): Place[] => [
    { kind: 'source', name: weight, spec: { dtype: types.float32, shape: [sources, outputs, inputs] } },
    ...(permuted
      ? [
          {
            kind: 'places' as const,
            name: weight,
            spec: { dtype: types.int32, shape: [used * outputs] },
          },
        ]
      : []),
  ]);
  const shares: Place = { kind: 'shares', name: '', spec: { dtype: types.float32, shape: [count, used] } };
  return heads.length === 0 ? own : [...own, ...ofHeads, shares];
}
