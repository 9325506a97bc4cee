import { z } from 'zod';
import {
  alignmentSchema,
  backendInfoSchema,
  matchingModes,
  recordingPointSchema,
  splitSchema,
} from '../domain.ts';
import { seedSchema } from './common.ts';
import { defineJob, jobParts } from './define.ts';
import { analysisData, epochsOfRun, layerMatchingSchema, pairNames, pairSelection } from './pairs.ts';

const rowSchema = z.object({
  ...pairNames,
  /** The group that asked for the pair; its run, where both models are of one. */
  group: z.string().optional(),
  run_key: z.string().optional(),
  run_directory: z.string().optional(),
  family: z.string().optional(),
  matching_results: z.array(
    layerMatchingSchema.extend({
      /** Of the linear layer whose neurons are matched. */
      sigma_f: z.number().optional(),
      /** Share of every neuron's weights that is fixed. */
      fixed_share: z.number().optional(),
    }),
  ),
  note: z.string().optional(),
});
export type ActivationMatchingRow = z.infer<typeof rowSchema>;

/** Taken, so that one command line serves both kinds, and dropped: they have no meaning here. */
const flagsOfInterpolate = {
  steps: z
    .int()
    .positive()
    .optional()
    .describe('as interpolate takes it; no effect here')
    .meta({ label: 'Intervals', withoutEffect: true }),
  align: alignmentSchema
    .optional()
    .describe('as interpolate takes it; no effect here: the models are compared unaligned')
    .meta({ label: 'Alignment', withoutEffect: true }),
};

const groupSchema = z.object({
  name: z.string().min(1),
  runs: z
    .array(
      z.object({
        run: z.string().min(1).meta({ path: true }),
        /** [epoch, model] of the members that are single checkpoints; absent: the whole run. */
        only: z.array(z.tuple([z.int().nonnegative(), z.int().positive()])).optional(),
      }),
    )
    .min(1),
});
export type MatchedGroup = z.infer<typeof groupSchema>;

const common = { warnings: z.array(z.string()), backend: backendInfoSchema, matching_seed: z.int() };

const { models, pairs, ...selection } = pairSelection;

const paramsSchema = z
  .object({
    ...selection,
    groups: z
      .array(groupSchema)
      .min(1)
      .optional()
      .describe('groups instead of a run: every two models of each of their runs, at the same epoch')
      .meta({ label: 'Groups' }),
    ...epochsOfRun,
    models,
    pairs,
    mode: z
      .union([z.enum(matchingModes), z.array(z.enum(matchingModes)).min(1)])
      .default('pearson_correlation_with_zero_for_constant')
      .describe('similarity of activations, maximised (or a list of them)')
      .meta({ label: 'Similarity measure' }),
    recordingPoint: z
      .union([recordingPointSchema, z.array(recordingPointSchema).min(1)])
      .default('post_activation_function')
      .describe('where activations are compared (or a list of places)')
      .meta({ label: 'Recording point' }),
    alignSplit: splitSchema
      .default('train')
      .describe('split whose activations are compared')
      .meta({ label: 'Split of the activations', advanced: true }),
    randomCount: z
      .int()
      .nonnegative()
      .max(100_000)
      .default(100)
      .describe('random permutations to compare with')
      .meta({ label: 'Random permutations' }),
    matchingSeed: seedSchema
      .default(0)
      .describe('determines the random permutations')
      .meta({ label: 'Matching seed', advanced: true }),
    withMatrices: z
      .boolean()
      .default(false)
      .describe('also return the similarity matrices')
      .meta({ label: 'Similarity matrices' }),
    data: analysisData.meta({ label: 'Data' }),
    ...flagsOfInterpolate,
  })
  .superRefine(checkSubject)
  .transform(({ steps: _steps, align: _align, ...params }) => params);

interface Subject {
  run?: string | undefined;
  epoch?: number | undefined;
  epochs?: unknown;
  groups?: unknown;
  models?: unknown;
  pairs?: unknown;
  checkpoints?: string[] | undefined;
}

/** Exactly one of run, groups and checkpoints, with what goes with it. */
function checkSubject(value: Subject, context: z.RefinementCtx): void {
  const issue = (path: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [path], message });
  };
  const foreign = (subject: string, names: (keyof Subject)[]): void => {
    const name = names.find((one) => value[one] !== undefined);
    if (name !== undefined) issue(subject, `replaces ${name}; give one or the other`);
  };
  if (value.checkpoints !== undefined) {
    foreign('checkpoints', ['run', 'groups', 'models', 'epoch', 'epochs']);
    if (value.checkpoints.length < 2) issue('checkpoints', 'at least two are needed');
    return;
  }
  if (value.groups !== undefined) foreign('groups', ['run', 'pairs', 'models']);
  else if (value.run === undefined) issue('run', 'a run folder is needed (or groups, or checkpoints)');
  if (value.epoch !== undefined && value.epochs !== undefined) {
    issue('epochs', 'replaces epoch; give one or the other');
  } else if (value.epoch === undefined && value.epochs === undefined && value.run !== undefined) {
    issue('epoch', 'the epoch is needed, e.g. 100; 0 is the initialisation (or several as epochs)');
  } else if (value.epoch === undefined && value.epochs === undefined && value.groups !== undefined) {
    issue('epochs', 'the epochs are needed, e.g. 0,5,100, or all');
  }
}

/** One pair: the row at top level. Several: a list of rows. */
const resultSchema = z.union([
  z.object({ ...rowSchema.shape, ...common }),
  z.object({ pairs: z.array(rowSchema), ...common }),
]);

/** All pairs of one run at one epoch. Groups stand in the question, not in the result: they may share runs. */
const partialSchema = z.object({
  /** As the question names it. */
  run: z.string().optional(),
  rows: z.array(rowSchema),
  warnings: z.array(z.string()),
  backend: backendInfoSchema,
});
export type MatchedModels = z.infer<typeof partialSchema>;

type Params = z.output<typeof paramsSchema>;

function joinModels(params: Params, partials: MatchedModels[]): z.infer<typeof resultSchema> {
  const rows = params.groups
    ? params.groups.flatMap((group) => rowsOfGroup(group, partials))
    : partials.flatMap((partial) => partial.rows);
  const empty = (params.groups ?? []).flatMap(({ name, runs }) =>
    runs
      .filter((member) => rowsOfGroup({ name, runs: [member] }, partials).length === 0)
      .map(
        ({ run }) =>
          `${name}: ${run} does not have two models at any requested epoch, so there is nothing to compare.`,
      ),
  );
  const shared = {
    warnings: [...new Set([...partials.flatMap((partial) => partial.warnings), ...empty])],
    backend: partials[0]!.backend,
    matching_seed: params.matchingSeed,
  };
  const several = params.groups !== undefined || params.epochs !== undefined;
  return rows.length === 1 && !several ? { ...rows[0]!, ...shared } : { pairs: rows, ...shared };
}

function rowsOfGroup(
  { name, runs }: MatchedGroup,
  partials: readonly MatchedModels[],
): ActivationMatchingRow[] {
  const seen = new Set<string>();
  return runs.flatMap(({ run, only }) => {
    const asked = (epoch: number | null, model: number): boolean =>
      only === undefined || only.some((one) => one[0] === epoch && one[1] === model);
    const rows = partials
      .filter((partial) => partial.run === run)
      .flatMap((partial) => partial.rows)
      .filter((row) => asked(row.epoch, row.model1_index) && asked(row.epoch, row.model2_index));
    return rows.flatMap((row) => {
      const id = `${row.checkpoint_path_1} ${row.checkpoint_path_2}`;
      if (seen.has(id)) return [];
      seen.add(id);
      return [{ ...row, group: name }];
    });
  });
}

export const matchActivationsJob = defineJob({
  kind: 'match-activations',
  version: 3,
  title: 'Match activations',
  summary:
    'How well the neurons of two models correspond: mean similarity of their activations under the best, the identity and random permutations, per layer; for one pair, or for all pairs in whole groups over training.',
  params: paramsSchema,
  result: resultSchema,
  parts: jobParts(
    { params: paramsSchema, partial: partialSchema, result: resultSchema },
    ['epoch of a run', 'epochs of runs'],
    joinModels,
  ),
  lane: 'main',
  place: { view: 'identifiability', heading: 'Two models' },
  cacheable: true,
  matrices: true,
});
