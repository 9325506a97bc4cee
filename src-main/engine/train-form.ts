/** What the form for training shows: presets, and what a config would train. */
import { stringify } from 'yaml';
import type { ResponseOf } from '../../src-shared/api.ts';
import {
  configProblems,
  defaultConfig,
  defaultLearningRates,
  fixedWeightsText,
  mergeConfig,
  notesOnConfig,
  objectiveFor,
  readTolerantly,
  refuseIdleOverrides,
  refuseUnknownKeys,
  refuseUnresolved,
  resolveData,
  resolveTracking,
  resolveTrainable,
  withOverrides,
  type DataPlan,
  type RunConfig,
  type TrackingPlan,
} from '../../src-shared/config.ts';
import { resolveSchedule } from '../../src-shared/config/schedule.ts';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import { hasNumFixed, hasSigma } from '../../src-shared/domain.ts';
import { gnnWidths, resnetName, widths, type TrainableSpec } from '../../src-shared/model.ts';
import { countsOf } from '../../src-shared/networks/counts.ts';
import { fixedPartText } from '../../src-shared/networks/general-family.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import { graphOf, trainedGraphOf } from '../../src-shared/networks/of-model.ts';
import { targetsOf, targetsText } from '../../src-shared/objective.ts';
import { checkDataName, factsOfData } from '../formats/data-registry.ts';
import { withGivenFamily } from '../formats/given-family.ts';
import { listPresets } from '../formats/presets.ts';
import type { StepTimes } from './step-times.ts';

type Preview = ResponseOf<'train.preview'>;

export function presets(): ResponseOf<'train.presets'> {
  return listPresets();
}

/** Examples to train on and to validate with; 0 where only the files can tell. */
function trainCount({ name, geometry, dataDir }: DataPlan, home: string): number {
  if (geometry?.kind === 'block-model') return geometry.values.num_nodes;
  if (geometry && geometry.kind !== 'mnist-coherence') return geometry.values.num_samples_train;
  const read = geometry ? (dataDir === null ? 'mnist-10k' : 'mnist') : name;
  const set = factsOfData(read, { dataDir: dataDir ?? undefined, home });
  return set === undefined || (set.name === 'mnist-10k' && dataDir !== null) ? 0 : set.train;
}

/**
 * Checks a config and says what it would train. Never throws for a bad config: `problems` says what is wrong with it.
 * The time comes from steps of this size that were measured on this machine; null while there were none.
 */
export function preview(
  config: Record<string, unknown>,
  overrides: readonly string[],
  { stepTimes: times, home }: { stepTimes: StepTimes; home: string },
): Preview {
  const problems: string[] = [];
  /** Keys whose values cannot be read: whatever stumbles over them says nothing new. */
  const unreadable: string[] = [];
  const attempt = <T>(work: () => T): T | null => {
    try {
      return work();
    } catch (error) {
      const message = messageOf(error);
      if (!problems.includes(message) && !unreadable.some((key) => message.includes(key)))
        problems.push(message);
      return null;
    }
  };
  const { sound, overridden } = overriddenBy(mergeConfig(defaultConfig(), config), overrides, attempt);
  const complete = overridden?.after;
  for (const { key, message } of complete ? configProblems(complete) : []) {
    problems.push(`${message}.`);
    unreadable.push(key);
  }
  const read = complete && readTolerantly(complete).config;
  if (read) {
    attempt(() => resolveSchedule(read, 1));
    attempt(() => requireOptimizer(read));
  }
  if (overridden) {
    attempt(() => refuseUnknownKeys(overridden.after));
    attempt(() => refuseUnresolved(overridden));
    attempt(() => refuseIdleOverrides(overridden, sound));
  }
  const spec = read && attempt(() => resolveTrainable(withGivenFamily(read), 'the config'));
  const data = read && attempt(() => resolveData(read));
  if (data) attempt(() => checkDataName(data.name, { dataDir: data.dataDir ?? undefined, home }));
  const tracking = spec && data && attempt(() => trackingOf(read, spec, data));
  const images = (data && attempt(() => trainCount(data, home))) ?? 0;
  const told = {
    problems,
    notes: [...(complete ? notesOnConfig(complete) : []), ...(tracking ? [trackingNote] : [])],
    yaml: complete ? stringify(complete) : '',
  };
  // What a config with problems would train is not known.
  if (problems.length > 0 || !spec || !data) return { ...nothing, ...told };
  const size = count(spec);
  // All nodes of a graph in one step.
  const whole = spec.architecture === 'gnn';
  const perEpoch = whole ? 1 : Math.ceil((images - Math.floor(images * data.valFraction)) / data.batchSize);
  const epochs = read.training?.num_epochs ?? 100;
  const steps = perEpoch * epochs;
  const models = read.num_models ?? 2;
  const step = whole ? null : times.estimate(size.parameters, data.batchSize);
  return {
    ...told,
    summary: describe(spec, read, models, epochs, data.name),
    widths: spec.architecture === 'mlp' ? widths(spec) : [],
    ...size,
    ...fixedParts(spec),
    steps,
    seconds: step === null || steps === 0 ? null : steps * models * step,
  };
}

const nothing: Omit<Preview, 'problems' | 'notes' | 'yaml'> = {
  ...{ summary: '', widths: [], parameters: 0, fixedParameters: 0, sigmaF: [], numFixed: [] },
  ...{ steps: 0, seconds: null },
};

function requireOptimizer({ optimizer }: RunConfig): void {
  const name = optimizer?.name ?? 'adamw';
  const names = Object.keys(defaultLearningRates);
  if (!names.includes(name))
    throw new UserError(`optimizer.name is "${name}"; expected one of ${names.join(', ')}.`);
}

/** All that can be applied: each override that cannot is a problem of its own. */
function overriddenBy(
  base: Record<string, unknown>,
  overrides: readonly string[],
  attempt: <T>(work: () => T) => T | null,
) {
  try {
    return { sound: overrides, overridden: withOverrides(base, overrides) };
  } catch {
    const sound = overrides.filter((override) => attempt(() => withOverrides(base, [override])) !== null);
    return { sound, overridden: attempt(() => withOverrides(base, sound)) };
  }
}

function trackingOf(config: RunConfig, spec: TrainableSpec, data: DataPlan): TrackingPlan | undefined {
  const facts = { models: config.num_models ?? 2, overGraph: spec.architecture === 'gnn' };
  const objective = objectiveFor(data, readNetwork(trainedGraphOf(spec)));
  const targets = objective && targetsText(targetsOf(objective));
  return resolveTracking(config, { ...facts, targets }, 'the config');
}

const trackingNote =
  'Checkpoints are saved at every epoch that is tracked. The time does not include tracking.';

function fixedParts({ family, layers }: TrainableSpec): Pick<Preview, 'sigmaF' | 'numFixed'> {
  return {
    sigmaF: hasSigma(family) ? layers.map(({ sigmaF }) => sigmaF) : [],
    numFixed: hasNumFixed(family) ? layers.map(({ numFixed }) => numFixed) : [],
  };
}

function describe(
  spec: TrainableSpec,
  config: RunConfig,
  models: number,
  epochs: number,
  data: string,
): string {
  const { sigmaF } = fixedParts(spec);
  const text = fixedPartText(spec);
  const scale =
    (sigmaF.length === 0 ? '' : `, sigma_F ${fixedWeightsText(sigmaF)}`) +
    (text === undefined ? '' : `, ${text}`);
  const { name = 'adamw', lr } = config.optimizer ?? {};
  const usual: Readonly<Record<string, number>> = defaultLearningRates;
  const optimizer = `${name}, learning rate ${lr ?? usual[name ?? 'adamw'] ?? 'not known'}`;
  const plural = models === 1 ? '1 network' : `${models} networks`;
  return `${plural} (${spec.family}${scale}), ${sizesOf(spec)}, ${epochs} epochs on ${data}, ${optimizer}`;
}

function sizesOf(spec: TrainableSpec): string {
  if (spec.architecture === 'declared') return 'exported from PyTorch';
  if (spec.architecture === 'gnn') return `graph network ${gnnWidths(spec).join('-')}`;
  return spec.architecture === 'mlp' ? widths(spec).join('-') : resnetName(spec);
}

/** Numbers of one model: those that are trained and those that stay as they are. */
function count(spec: TrainableSpec): Pick<Preview, 'parameters' | 'fixedParameters'> {
  const { trained, fixed } = countsOf(graphOf(spec));
  return { parameters: trained, fixedParameters: fixed };
}
