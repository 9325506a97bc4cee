/** What the files of neuron-identifiability's scripts become, and what their rows have in common. */
import { z } from 'zod';
import type { FoundFigure, FoundResult } from '../../../src-shared/interop.ts';
import type { JobKindName } from '../../../src-shared/jobs/index.ts';

/** Data not yet checked against the kind's schema. */
export interface Converted {
  kind: JobKindName;
  title: string;
  params: Record<string, unknown>;
  data: unknown;
}

export interface ConvertedFile {
  /** In a person's words, naming the script. */
  what: string;
  results: Converted[];
}

/** A file of results once it is checked: of the published scripts, or Basin's own. */
export interface ResultFile {
  /** In a person's words. */
  what: string;
  results: FoundResult[];
  figures: FoundFigure[];
}

export type Row = Record<string, unknown>;

/** What imported rows cannot say: which machine computed them. */
export const elsewhere = { name: 'pytorch', version: 'unknown', device: 'cpu', threads: 1 } as const;

/** A whole number, also as text: pandas and spreadsheets write "5" for 5. */
export const whole = z.preprocess(
  (value) => (typeof value === 'string' && /^\s*-?\d+(\.0*)?\s*$/.test(value) ? Number(value) : value),
  z.int(),
);

export const pairFields = {
  run_key: z.string(),
  model1_index: whole,
  model2_index: whole,
  epoch: whole.nullable(),
};

export function grouped<T extends { run_key: string }>(rows: readonly T[]): [string, T[]][] {
  return [...Map.groupBy(rows, (member) => member.run_key)];
}

export const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;
