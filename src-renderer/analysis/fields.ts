/** How the settings of a kind of analysis are shown: what they are called, which come first, what their values mean. */
import { modeNames } from '../mode-names.ts';
import type { CorrelationMode } from '../../src-shared/domain.ts';

/** The part of JSON Schema that a job's params come as (`z.toJSONSchema`). */
export interface FieldSchema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  anyOf?: FieldSchema[];
  items?: FieldSchema;
  properties?: Record<string, FieldSchema>;
  required?: string[];
  minimum?: number;
  maximum?: number;
}

/** Names that splitting the property's own would not give. */
const labels: Record<string, string> = {
  mode: 'Similarity',
  recordingPoint: 'Recorded',
  alignSplit: 'Split of the activations',
  sigmaF: 'σ_F',
  betas: 'Values of β',
  numFixed: 'Fixed entries per neuron',
  ambient: 'Dimension of the data space',
  intrinsic: 'Intrinsic dimension of the data',
  explainedVariance: 'Explained variance of the subspace',
  nTrain: 'Training examples',
  width: 'Hidden units',
  copies: 'Copies of each number, at most',
  activeProb: 'Probability that a weight is free',
  outerSeeds: 'Seeds',
  numPairs: 'Pairs',
  numNeurons: 'Neurons',
  randomCount: 'Random permutations',
  interpolationSteps: 'Points on the line',
  lambdaSteps: 'Points on the line',
  withMatrices: 'Keep the similarity matrices',
  samples: 'Examples',
  nTest: 'Test examples',
  learningRateSgd: 'Learning rate of SGD',
  learningRateAdamw: 'Learning rate of AdamW',
  order: 'Order of the layers',
  g: 'Matrix g',
};

/** Settings that few people change; they wait behind “More settings”. */
const seldom = new Set([
  'checkpoints',
  'pairs',
  'runKey',
  'order',
  'permutations',
  'matchingSeed',
  'permutationSeed',
  'pairSeed',
  'sampleSeed',
  'alignSplit',
  'layers',
  'iterations',
  'warmStart',
  'compare',
  'method',
  'restarts',
  'biasWeightDecay',
  'trainHiddenBias',
  'anchorAlignedEndpoint',
  'batchSize',
  'position',
  'scope',
  'scale',
  'acrossPairs',
  'lambdaSteps',
]);

/** `learningRate` → `Learning rate`, `num_fixed` → `Num fixed`. */
export function labelOf(name: string): string {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
  return labels[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

/** A value of an enumeration in words. */
export function valueName(value: unknown): string {
  const text = String(value);
  return modeNames[text as CorrelationMode] ?? text.replaceAll('_', ' ');
}

export interface Field {
  name: string;
  label: string;
  schema: FieldSchema;
  /** One of these values, or several at once where `several`. */
  choices?: unknown[];
  several: boolean;
}

/** Without the “or null” that optional settings carry, and described for a form rather than for a command line. */
function plain(schema: FieldSchema): FieldSchema {
  const choices = schema.anyOf?.filter((choice) => choice.type !== 'null');
  const description = schema.description?.replace(/ \(or a list of \w+\)/, '').replace('absent:', 'empty:');
  return { ...schema, ...(choices?.length === 1 ? choices[0] : {}), ...(description ? { description } : {}) };
}

function fieldOf(name: string, given: FieldSchema): Field {
  const schema = plain(given);
  const label = labelOf(name);
  // What the label says already need not stand below it again.
  if (schema.description?.toLowerCase() === label.toLowerCase()) delete schema.description;
  const lists = schema.type === 'array' ? [schema] : (schema.anyOf ?? []);
  const list = lists.find((choice) => choice.type === 'array' && choice.items?.enum)?.items?.enum;
  const choices = list ?? schema.enum;
  return { name, label, schema, several: list !== undefined, ...(choices ? { choices } : {}) };
}

/**
 * Fields of a form, those that most people set first and the rest. What has no effect (taken for the sake of a common
 * command line) and what cannot be chosen is left out.
 */
export function fieldsOf(schema: FieldSchema, hidden: readonly string[]): { first: Field[]; more: Field[] } {
  const properties = schema.properties ?? {};
  const ofCheckpoints = 'run' in properties && properties.layers?.type === 'array';
  const isSeldom = (name: string) =>
    seldom.has(name) && (name !== 'layers' || ofCheckpoints) && !schema.required?.includes(name);
  const fields = Object.entries(properties)
    .filter(([name, field]) => !hidden.includes(name) && field.const === undefined)
    .filter(([, field]) => !field.description?.includes('no effect here'))
    .map(([name, field]) => fieldOf(name, field));
  return {
    first: fields.filter(({ name }) => !isSeldom(name)),
    more: fields.filter(({ name }) => isSeldom(name)),
  };
}

/** Whether a kind compares or measures checkpoints of the catalog, and how it wants them named. */
export interface CheckpointWants {
  /** `none`: networks may be made on the spot instead. */
  run: 'needed' | 'optional';
  model: 'one' | 'several' | 'none';
  epoch: 'one' | 'several' | 'none';
  /** Where several epochs can be named, and what the property is called. */
  epochName: 'epoch' | 'epochs';
  /** Absent epochs are not all of them: some must be named. */
  epochsNeeded: boolean;
  /** Whole groups may stand in place of a run. */
  groups: boolean;
}

export function checkpointWants(schema: FieldSchema): CheckpointWants | undefined {
  const properties = schema.properties ?? {};
  if (properties.run?.type !== 'string') return undefined;
  const { epoch, epochs, model, models } = properties;
  const list = epochs ?? epoch?.anyOf?.find((choice) => choice.type === 'array');
  return {
    run: schema.required?.includes('run') || !('seed' in properties) ? 'needed' : 'optional',
    model: models ? 'several' : model ? 'one' : 'none',
    epoch: list ? 'several' : epoch ? 'one' : 'none',
    epochName: epochs ? 'epochs' : 'epoch',
    epochsNeeded: epochs !== undefined && epoch !== undefined,
    groups: 'groups' in properties,
  };
}
