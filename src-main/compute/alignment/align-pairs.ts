/** The permutations that bring the second model of every pair next to the first, however a job asks for them. */
import type { Alignment, MatchingMode, RecordingPoint } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { noteOf } from '../../../src-shared/matching-modes.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import type { LoadedModel } from '../load-models.ts';
import { checkpointCancel } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import type { Edges } from '../networks/edges.ts';
import { requireCheckedGroups } from '../networks/check-exported.ts';
import type { GroupPermutations } from '../networks/permute.ts';
import type { PairIndices } from '../pairs.ts';
import { matchRecorded } from './match-recorded.ts';
import { NonFiniteActivations } from './neuron-similarity.ts';
import { alignByRotations, requireMaps, restartsIn } from './orthogonal/align.ts';
import type { Rotated } from './orthogonal/align.ts';
import { rotationRecord } from './orthogonal/record.ts';
import { matchWeights } from './weight-matching.ts';

/** The fields of `alignmentParams` in src-shared/jobs/pairs.ts. */
export interface AlignmentRequest {
  align: Alignment;
  mode: MatchingMode;
  recordingPoint: RecordingPoint;
  matchingSeed: number;
  restarts: number;
  order?: readonly number[] | undefined;
}

export interface PairAlignment {
  /** For the second model, by group; empty if `rotated` is there. */
  permutations: GroupPermutations;
  /** Both models, aligned by more than permutations. */
  rotated?: Rotated;
}

export interface AlignmentWork {
  context: ComputeContext;
  backend: Backend;
  models: readonly LoadedModel[];
  pairs: readonly PairIndices[];
  /** Inputs of the split that activations are compared on, [count, ...shape of one]; only read for `activation`. */
  inputs: () => Tensor;
  /** If they are all nodes of a graph. */
  edges?: Edges | undefined;
  /** Called with the share of the work just done. */
  advance: (share: number) => void;
}

/** Permutations of every pair, or undefined for `none`. @throws NonFiniteActivations for a network that overflows */
export async function alignPairs(
  request: AlignmentRequest,
  work: AlignmentWork,
): Promise<PairAlignment[] | undefined> {
  const found = await alignEachPair(request, work);
  return found?.map((alignment) => {
    if (alignment instanceof NonFiniteActivations) throw alignment;
    return alignment;
  });
}

/**
 * The same, with an error in place of the permutations of each pair that has none, because one of its networks overflows.
 * The groups of the network are checked by machine first.
 */
export async function alignEachPair(
  request: AlignmentRequest,
  work: AlignmentWork,
): Promise<(PairAlignment | NonFiniteActivations)[] | undefined> {
  if (request.align === 'none') return undefined;
  const [{ run, acting, name }] = work.models as [LoadedModel];
  requireCheckedGroups(work.backend, run.graph, acting, name);
  if (request.align === 'orthogonal') return byRotations(request, work);
  return request.align === 'activation' ? byActivations(request, work) : byWeights(request, work);
}

/** What must be shown with every result of this alignment. */
export function alignmentNote(
  request: Pick<AlignmentRequest, 'align' | 'mode'>,
  gated: boolean,
): string | undefined {
  if (request.align === 'none') return undefined;
  const notes = [
    request.align === 'activation' ? noteOf(request.mode) : undefined,
    request.align === 'orthogonal' ? rotationNote : undefined,
    gated
      ? 'The fixed gate C of the second model is permuted with its neurons and interpolated as well.'
      : undefined,
  ];
  return notes.filter((note) => note !== undefined).join(' ') || undefined;
}

const rotationNote =
  'Both models are mixed in coordinates in which the scales of norms are in the weights that read them, and queries and keys, values and outputs of a head are equally long.';

/** Of networks over a graph, aligned by activations. */
export const allNodesNote = 'Activations are compared on all nodes of the graph, whatever their split.';

/** `{ P_0: [...], P_1: [...] }`, as results hold them. */
export function namedPermutations(permutations: GroupPermutations): Record<string, number[]> {
  return Object.fromEntries([...permutations].map(([group, perm]) => [group, Array.from(perm)]));
}

/** What a result says of an alignment. */
export const alignmentFields = (alignment: PairAlignment | undefined) => ({
  ...(alignment && !alignment.rotated && { permutations: namedPermutations(alignment.permutations) }),
  ...(alignment?.rotated && { orthogonal: rotationRecord(alignment.rotated) }),
});

async function byActivations(
  request: AlignmentRequest,
  work: AlignmentWork,
): Promise<(PairAlignment | NonFiniteActivations)[]> {
  const { models, pairs } = work;
  const { recordingPoint, mode } = request;
  const network = models[0]!.run.graph;
  const recording = {
    ...{ network, models: models.map(({ acting }) => acting), pairs },
    edges: work.edges,
  };
  const found = await matchRecorded(
    work.backend,
    recording,
    work.inputs(),
    {
      names: pairs.map(([a, b]) => ({ a: models[a]!.name, b: models[b]!.name })),
      comparisons: [{ point: recordingPoint, mode }],
    },
    async (share) => {
      work.advance(share);
      await checkpointCancel(work.context);
    },
  );
  const { groups } = symmetriesOf(network);
  return found.map(({ found: matched }) => {
    if (matched instanceof NonFiniteActivations) return matched;
    const permutations = groups.map(({ name }, place) => [name, matched.permutations.get(place)!] as const);
    return { permutations: new Map(permutations) };
  });
}

async function byRotations(request: AlignmentRequest, work: AlignmentWork): Promise<PairAlignment[]> {
  const { models, pairs, context, backend } = work;
  if (request.order)
    throw new UserError('order: is for alignment by weights; orthogonal alignment chooses its own orders.', {
      hint: 'Omit it.',
    });
  const { run } = models[0]!;
  requireMaps(run.graph, run.configPath);
  const aligned: PairAlignment[] = [];
  for (const [a, b] of pairs) {
    const [first, second] = [models[a]!, models[b]!].map(({ acting, name }) => ({ arrays: acting, name }));
    const rotated = await alignByRotations(backend, run.graph, [first!, second!], {
      ...{ restarts: request.restarts, seed: request.matchingSeed },
      onVisit: () => checkpointCancel(context),
      onRestart: () => {
        work.advance(1 / restartsIn(request.restarts) / pairs.length);
      },
    });
    aligned.push({ permutations: new Map(), rotated: { ...rotated, untied: run.untied ?? [] } });
  }
  return aligned;
}

async function byWeights(request: AlignmentRequest, work: AlignmentWork): Promise<PairAlignment[]> {
  const { models, pairs, context } = work;
  const aligned: PairAlignment[] = [];
  for (const [a, b] of pairs) {
    const { permutations } = await matchWeights(models[0]!.run.graph, models[a]!.acting, models[b]!.acting, {
      restarts: request.restarts,
      seed: request.matchingSeed,
      doubles: work.backend.native?.doubles,
      ...(request.order && { order: request.order }),
      onVisit: () => checkpointCancel(context),
      onRestart: () => {
        work.advance(1 / request.restarts / pairs.length);
      },
    });
    aligned.push({ permutations });
  }
  return aligned;
}
