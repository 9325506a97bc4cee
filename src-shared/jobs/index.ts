/**
 * Every kind of job, one line each, in the order in which people see them. `src-main/worker/table.ts` and
 * `src-shared/presentations/index.ts` must name the same ones; the type checker sees to it.
 */
import type { z } from 'zod';
import { UserError } from '../errors.ts';
import { didYouMean } from '../near-miss.ts';
import { activationPatternsJob } from './activation-patterns.ts';
import { addDataJob } from './add-data.ts';
import { adoptJob } from './adopt.ts';
import { bestClassifierJob } from './best-classifier.ts';
import { diagnose } from './diagnose.ts';
import { evaluateJob } from './evaluate.ts';
import { exportCheckpointsJob } from './export-checkpoints.ts';
import { functionClassesJob } from './function-classes.ts';
import { hashJob } from './hash.ts';
import { importJob } from './import.ts';
import { inspectNeuronsJob } from './inspect-neurons.ts';
import { interpolateJob } from './interpolate.ts';
import { matchActivationsJob } from './match-activations.ts';
import { matchWeightsJob } from './match-weights.ts';
import { mergeJob } from './merge.ts';
import { ntkJob } from './ntk.ts';
import { similarityJob } from './similarity.ts';
import { permutationSensitivityJob } from './permutation-sensitivity.ts';
import { realizationCostRidgeJob } from './realization-cost-ridge.ts';
import { realizationCostJob } from './realization-cost.ts';
import { subspaceCoherenceJob } from './subspace-coherence.ts';
import { symmetriesJob } from './symmetries.ts';
import { syntheticCoherenceJob } from './synthetic-coherence.ts';
import { trainJob } from './train.ts';
import { linearComponentsJob } from './linear-components.ts';
import { skipConnectionsJob } from './skip-connections.ts';
import { symmetryCurveJob } from './symmetry-curve.ts';
import { rescalingBarrierJob } from './rescaling-barrier.ts';
import { chordDeviationJob } from './chord-deviation.ts';
import { curvatureBoundJob } from './curvature-bound.ts';
import { detectSymmetryJob } from './detect-symmetry.ts';
import { weightDecayStudyJob } from './weight-decay-study.ts';
import type { JobKind, ParamsInputOf, ParamsOf, ResultOf, TabbedView } from './define.ts';

type Table<T> = { [K in keyof T]: JobKind<K & string, z.ZodType, z.ZodType> };

/** The key of each line must be the kind's own name. */
function tableOf<const T extends Table<T>>(table: T): T {
  return table;
}

export const jobKinds = tableOf({
  train: trainJob,
  interpolate: interpolateJob,
  'match-activations': matchActivationsJob,
  'match-weights': matchWeightsJob,
  similarity: similarityJob,
  'permutation-sensitivity': permutationSensitivityJob,
  'realization-cost': realizationCostJob,
  'realization-cost-ridge': realizationCostRidgeJob,
  'subspace-coherence': subspaceCoherenceJob,
  'function-classes': functionClassesJob,
  'activation-patterns': activationPatternsJob,
  ntk: ntkJob,
  'chord-deviation': chordDeviationJob,
  'synthetic-coherence': syntheticCoherenceJob,
  'best-classifier': bestClassifierJob,
  'inspect-neurons': inspectNeuronsJob,
  'linear-components': linearComponentsJob,
  'skip-connections': skipConnectionsJob,
  'symmetry-curve': symmetryCurveJob,
  'rescaling-barrier': rescalingBarrierJob,
  'detect-symmetry': detectSymmetryJob,
  'weight-decay-study': weightDecayStudyJob,
  'curvature-bound': curvatureBoundJob,
  merge: mergeJob,
  symmetries: symmetriesJob,
  evaluate: evaluateJob,
  adopt: adoptJob,
  'add-data': addDataJob,
  'export-checkpoints': exportCheckpointsJob,
  import: importJob,
  hash: hashJob,
  diagnose,
});

export type JobKinds = typeof jobKinds;
export type JobKindName = keyof JobKinds & string;
export type JobParams<K extends JobKindName> = ParamsOf<JobKinds[K]>;
export type JobParamsInput<K extends JobKindName> = ParamsInputOf<JobKinds[K]>;
export type JobResult<K extends JobKindName> = ResultOf<JobKinds[K]>;
/** Any kind, where it does not matter which. */
export type AnyJobKind = JobKind<string, z.ZodType, z.ZodType>;

export const jobKindNames = Object.keys(jobKinds) as JobKindName[];

export function isJobKind(name: string): name is JobKindName {
  return Object.hasOwn(jobKinds, name);
}

/** The kinds that are `what`, of which a kind says so. */
export const kindsThatAre = (what: 'quiet' | 'resumable' | 'matrices'): ReadonlySet<string> =>
  new Set(Object.values<AnyJobKind>(jobKinds).flatMap((job) => (job[what] ? [job.kind] : [])));

/** The kinds whose results are tabs of a view, under one of its headings. */
export const kindsUnder = (view: TabbedView, heading: string): string[] =>
  Object.values<AnyJobKind>(jobKinds).flatMap(({ kind, place }) =>
    place?.view === view && 'heading' in place && place.heading === heading ? [kind] : [],
  );

/** The kind of that name. Throws UserError with the near misses for one that does not exist. */
export function jobKindNamed(name: string): AnyJobKind {
  if (!isJobKind(name)) {
    throw new UserError(`There is no kind of job "${name}".${didYouMean(name, jobKindNames)}`, {
      hint: `Kinds of job: ${jobKindNames.join(', ')}.`,
    });
  }
  return jobKinds[name];
}
