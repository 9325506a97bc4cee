/** How the settings of a kind of analysis are shown: which come first, and what their values mean. */
import { modeNames } from '../mode-names.ts';
import type { CorrelationMode } from '../../src-shared/domain.ts';
import type { ParamSchema } from '../../src-shared/jobs/schema.ts';

/** A value of an enumeration in words. */
export function valueName(value: unknown): string {
  const text = String(value);
  return modeNames[text as CorrelationMode] ?? text.replaceAll('_', ' ');
}

export interface Field {
  name: string;
  label: string;
  schema: ParamSchema;
  /** One of these values, or several at once where `several`. */
  choices?: unknown[];
  several: boolean;
}

/** Without the “or null” that optional settings carry, and described for a form rather than for a command line. */
function plain(schema: ParamSchema): ParamSchema {
  const choices = schema.anyOf?.filter((choice) => choice.type !== 'null');
  const description = schema.description?.replace(/ \(or a list of \w+\)/, '').replace('absent:', 'empty:');
  return { ...schema, ...(choices?.length === 1 ? choices[0] : {}), ...(description ? { description } : {}) };
}

function fieldOf(name: string, given: ParamSchema): Field {
  const schema = plain(given);
  const label = schema.label ?? name;
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
export function fieldsOf(schema: ParamSchema, hidden: readonly string[]): { first: Field[]; more: Field[] } {
  const fields = Object.entries(schema.properties ?? {})
    .filter(([name, field]) => !hidden.includes(name) && field.const === undefined && !field.withoutEffect)
    .map(([name, field]) => fieldOf(name, field));
  return {
    first: fields.filter((field) => !field.schema.advanced),
    more: fields.filter((field) => field.schema.advanced),
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

export function checkpointWants(schema: ParamSchema): CheckpointWants | undefined {
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
