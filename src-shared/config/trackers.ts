/**
 * What a config asks to be tracked while its models train: the sections `interpolation` and `training.interpolation`,
 * `training.cosine_similarity`, `training.functional_similarity` and `training.ntk_tracking`. They mean what they say; the
 * published code does something else in places, which `notes` names.
 */
import { splits as allSplits, splitSchema } from '../domain.ts';
import type { Split } from '../domain.ts';
import { UserError } from '../errors.ts';
import type { RunConfig } from './schema.ts';

/** `every`: at every n-th epoch, the first and the last. Undefined: at the last epoch only. */
export interface TrackingPlan {
  interpolation?: { way: 'grid' | 'midpoint'; steps: number; every: number | undefined };
  cosine?: { every: number };
  functional?: { every: number; splits: Split[] };
  ntk?: {
    every: number;
    samples: number;
    classBalanced: boolean;
    split: Split;
    /** Kernel statistics, top eigenvalues and comparisons. */
    stats: boolean;
    linearisation: boolean;
    /** Keep the kernels as files. */
    matrices: boolean;
  };
  /** Where the published code does something else with these sections. */
  notes: string[];
}

/** Dotted sections, for messages and for what a fork may have of its own. */
export const trackerSections = [
  'interpolation',
  ...['interpolation', 'cosine_similarity', 'functional_similarity', 'ntk_tracking'].map(
    (name) => `training.${name}`,
  ),
] as const;

export const isTrackerKey = (key: string): boolean =>
  trackerSections.some((section) => key === section || key.startsWith(`${section}.`));

/** Does this epoch belong to the tracker? @param first where the run begins; of a fork the epoch of the fork */
export function isTracked(
  every: number | undefined,
  epoch: number,
  { first, last }: { first: number; last: boolean },
): boolean {
  return last || (every !== undefined && (epoch === first || epoch % every === 0));
}

/** Is anything tracked at this epoch whether training ends there or not? Then its checkpoints are saved. */
export function tracksAt(
  { interpolation, cosine, functional, ntk }: TrackingPlan,
  epoch: number,
  first: number,
): boolean {
  return [interpolation, cosine, functional, ntk].some(
    (tracker) => tracker !== undefined && isTracked(tracker.every, epoch, { first, last: false }),
  );
}

/** What the network and the data rule out. */
export interface TrackingFacts {
  models: number;
  overGraph: boolean;
  /** What labels an example, "8 binary labels each"; undefined: one class. */
  targets?: string | undefined;
}

/** Undefined if nothing is tracked. @throws UserError naming the key: a value without a meaning here */
export function resolveTracking(
  config: RunConfig,
  facts: TrackingFacts,
  where = 'config',
): TrackingPlan | undefined {
  const several = facts.models > 1;
  const plan: TrackingPlan = { notes: [] };
  const interpolation = several ? interpolationOf(config, facts, where) : undefined;
  if (interpolation) plan.interpolation = interpolation;
  const cosine = several ? config.training?.cosine_similarity : undefined;
  if (cosine?.enabled === true) plan.cosine = { every: everyOf('cosine_similarity', cosine, where) };
  const functional = several ? config.training?.functional_similarity : undefined;
  if (functional?.enabled === true) {
    const key = 'training.functional_similarity';
    if (facts.targets !== undefined)
      throw needsOneClass(key, 'predictions agree or not', facts.targets, where);
    const every = everyOf('functional_similarity', functional, where);
    plan.functional = { every, splits: splitsOf(functional.splits, `${key}.splits`, where) };
  }
  const ntk = ntkOf(config, facts, where);
  if (ntk) plan.ntk = ntk;
  if (!plan.interpolation && !plan.cosine && !plan.functional && !plan.ntk) return undefined;
  return { ...plan, notes: notesOf(config, plan, facts) };
}

type InterpolationSection = NonNullable<NonNullable<RunConfig['training']>['interpolation']>;

/** Both places may ask for it: the published code reads the first, some published configs have the second. */
function interpolationOf(
  config: RunConfig,
  { models }: TrackingFacts,
  where: string,
): TrackingPlan['interpolation'] {
  const asked = (
    [
      ['interpolation', config.interpolation],
      ['training.interpolation', config.training?.interpolation],
    ] as const
  ).flatMap(([key, section]) =>
    section?.enabled === true ? [readInterpolation(section, key, models, where)] : [],
  );
  const [first, second] = asked;
  if (!first || !second) return first;
  if (first.way !== second.way || first.steps !== second.steps || first.every !== second.every)
    throw new UserError(
      `${where}: interpolation and training.interpolation are both enabled, and ask for different things.`,
      { hint: 'Disable one of them: interpolation.enabled=false.' },
    );
  return first;
}

const kinds = ['auto', 'grid', 'midpoint'];

function readInterpolation(
  section: InterpolationSection,
  key: string,
  models: number,
  where: string,
): NonNullable<TrackingPlan['interpolation']> {
  const type = section.type ?? 'auto';
  if (!kinds.includes(type))
    throw new UserError(
      `${where}: ${key}.type is ${JSON.stringify(type)}; expected one of ${kinds.join(', ')}.`,
    );
  if (section.rebasin === true)
    throw new UserError(`${where}: ${key}.rebasin is true; models are compared unaligned while they train.`, {
      hint: 'Set it to false, and align afterwards: basin run interpolate --align activation.',
    });
  const steps = section.steps ?? 10;
  if (steps === 0)
    throw new UserError(`${where}: ${key}.steps is 0; 1 or more was expected.`, {
      hint: 'It is the number of intervals between two models.',
    });
  if (steps > 1000)
    throw new UserError(`${where}: ${key}.steps is ${steps}; at most 1000 intervals are evaluated.`);
  const way = type === 'grid' || (type === 'auto' && models === 2) ? 'grid' : 'midpoint';
  // The mean of all models needs no point on the lines between two of them.
  return { way, steps: way === 'grid' ? steps : 1, every: section.save_every ?? undefined };
}

/** Null is how the published code turns a section off that is enabled. */
function everyOf(name: string, section: { save_every?: number | null | undefined }, where: string): number {
  const key = `training.${name}`;
  if (section.save_every === null)
    throw new UserError(
      `${where}: ${key} is enabled, but ${key}.save_every is null: nothing would be tracked.`,
      { hint: `Set ${key}.save_every=1 for every epoch, or ${key}.enabled=false.` },
    );
  return section.save_every ?? 1;
}

function splitsOf(value: readonly string[] | null | undefined, key: string, where: string): Split[] {
  if (value == null) return [...allSplits];
  if (value.length === 0) throw new UserError(`${where}: ${key} is empty; name at least one split.`);
  const wanted = new Set(value.map((name) => splitOf(name, key, where)));
  return allSplits.filter((split) => wanted.has(split));
}

/** The published code calls the validation split of graphs `valid`. */
function splitOf(value: string, key: string, where: string): Split {
  const parsed = splitSchema.safeParse(value === 'valid' ? 'val' : value);
  if (parsed.success) return parsed.data;
  throw new UserError(
    `${where}: ${key} names the split ${JSON.stringify(value)}; expected ${allSplits.join(', ')}.`,
  );
}

const needsOneClass = (key: string, what: string, targets: string, where: string): UserError =>
  new UserError(
    `${where}: ${key} is enabled, but ${what} only if every example has one class; those of this data set have ${targets}.`,
    { hint: `Set ${key}.enabled=false.` },
  );

const mostSamples = 2000;

function ntkOf(config: RunConfig, facts: TrackingFacts, where: string): TrackingPlan['ntk'] {
  const section = config.training?.ntk_tracking;
  if (section?.enabled !== true) return undefined;
  const key = 'training.ntk_tracking';
  if (facts.overGraph)
    throw new UserError(
      `${where}: ${key} is enabled, but tangent kernels are computed for networks that see each example by itself so far, not for graph networks.`,
      { hint: `Set ${key}.enabled=false.` },
    );
  if (facts.targets !== undefined)
    throw needsOneClass(
      key,
      'predictions are compared with those of the linearisation',
      facts.targets,
      where,
    );
  const samples = section.num_samples ?? 100;
  if (samples < 2 || samples > mostSamples)
    throw new UserError(`${where}: ${key}.num_samples is ${samples}; 2 to ${mostSamples} were expected.`);
  const wanted = {
    stats: section.compute_ntk_stats ?? false,
    linearisation: section.compute_linearization ?? false,
    matrices: section.save_matrix ?? false,
  };
  if (!wanted.stats && !wanted.linearisation && !wanted.matrices)
    throw new UserError(
      `${where}: ${key} is enabled, but compute_ntk_stats, compute_linearization and save_matrix are all false: nothing would be tracked.`,
      { hint: `Set ${key}.compute_ntk_stats=true, or ${key}.enabled=false.` },
    );
  return {
    every: everyOf('ntk_tracking', section, where),
    ...{ samples, classBalanced: section.class_balanced ?? true },
    split: splitOf(section.split ?? 'train', `${key}.split`, where),
    ...wanted,
  };
}

/** Differences to what neuron-identifiability as released does with the same sections. */
function notesOf(config: RunConfig, plan: TrackingPlan, { models }: TrackingFacts): string[] {
  const tracked = { ...plan, read: config.interpolation?.enabled === true };
  const interpolation = tracked.read ? config.interpolation : config.training?.interpolation;
  const notes: (string | false | undefined)[] = [
    tracked.interpolation &&
      (tracked.read
        ? 'interpolation: measured while the models train; the published code measures once all of them are trained.'
        : 'training.interpolation: honoured here; no published code reads it.'),
    tracked.interpolation?.way === 'grid' &&
      interpolation?.type !== 'grid' &&
      'interpolation: "auto" is the line between two models, as its comment says; the published code evaluates the mean of all models for every type but "grid".',
    tracked.interpolation?.way === 'midpoint' &&
      (interpolation?.steps ?? 1) > 1 &&
      `interpolation: steps (${interpolation?.steps}) is not used: the mean of all models is one point.`,
    tracked.interpolation?.every !== undefined &&
      'interpolation: the curves of every epoch are kept; the published code prints those of single epochs and writes no file.',
    (tracked.cosine?.every ?? tracked.functional?.every ?? tracked.ntk?.every) !== undefined &&
      'similarities and tangent kernels: save_every counts epochs, of which the checkpoints are saved too; the published code takes every saved epoch, whatever save_every says.',
    (tracked.cosine ?? tracked.functional) !== undefined &&
      models > 2 &&
      `similarities: all pairs of the ${models} models; the published code compares models only if there are two.`,
    tracked.ntk &&
      'ntk_tracking: of model 1, on the same examples at every epoch; the published code stops with an error here, and would draw other examples at every epoch.',
    tracked.ntk?.stats === false &&
      tracked.ntk.matrices &&
      'ntk_tracking: save_matrix keeps the kernels without compute_ntk_stats too; the published code would not.',
  ];
  return notes.filter((note) => typeof note === 'string');
}
