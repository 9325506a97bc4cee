/**
 * What a checkpoint says about itself beside its weights. Both formats hold free text and free values here, so a fact
 * of another form than the published trainer's is unknown and never stands in the way of the weights.
 */
import { z } from 'zod';
import { parseCheckpointName } from './checkpoint-name.ts';
import { LazyTensor } from './tensor.ts';

export interface CheckpointFacts {
  readonly path: string;
  /** From the file's name, else from the file; undefined for a file under another name that says nothing. */
  readonly epoch: number | undefined;
  /** As the file itself says it. Trainers count from 0 or from 1; the name decides. */
  readonly epochInside: number | undefined;
  /** Optimizer steps, as the writer counted them. */
  readonly step: number | undefined;
  /** Validation accuracy as it is stored, 0 to 100: a fraction or percent, which only the run tells (accuracy.ts). */
  readonly storedAccuracy: number | undefined;
  /** Names of the parameters that the optimizer changes, in its order. */
  readonly trainable: readonly string[] | undefined;
  /** Facts that could not be used and are unknown, each a sentence without the file's name. */
  readonly notes: readonly string[];
}

const natural = z.number().int().nonnegative();
const wholeNumber = 'a whole number from 0 on';

/** @param valueOf what the file holds under a key; undefined if nothing */
export function readFacts(path: string, valueOf: (key: string) => unknown): CheckpointFacts {
  const notes: string[] = [];
  const fact = <T>(key: string, schema: z.ZodType<T>, expected: string): T | undefined => {
    const value = valueOf(key);
    // A run that diverged may have stored NaN: no accuracy is known then.
    if (value === undefined || value === null || (key === 'val_accuracy' && Number.isNaN(value)))
      return undefined;
    const found = schema.safeParse(value);
    if (found.success) return found.data;
    notes.push(`${key} is ${shown(value)}, but ${expected} was expected: it is treated as unknown.`);
    return undefined;
  };
  const epochInside = fact('epoch', natural, wholeNumber);
  return {
    path,
    epoch: parseCheckpointName(path)?.epoch ?? epochInside,
    epochInside,
    step: fact('step', natural, wholeNumber),
    storedAccuracy: fact('val_accuracy', z.number().min(0).max(100), 'a fraction or a percentage'),
    trainable: fact('trainable', z.array(z.string()), 'a list of names'),
    notes,
  };
}

/** The facts of several files of one run in a few sentences; a run may have thousands of checkpoints. */
export function factNotes(files: readonly CheckpointFacts[]): string[] {
  const notes: string[] = [];
  const other = files.filter(({ epoch, epochInside }) => epochInside !== undefined && epochInside !== epoch);
  const [first] = other;
  if (first)
    notes.push(
      `${count(other.length, files.length)} a different epoch inside than in the name (${nameOf(first)} says ${first.epochInside}): the name is used.`,
    );
  const kinds = new Map<string, CheckpointFacts[]>();
  for (const file of files)
    for (const note of file.notes) {
      const key = note.slice(0, note.indexOf(' '));
      kinds.set(key, [...(kinds.get(key) ?? []), file]);
    }
  for (const [key, having] of kinds) {
    const note = having[0]!.notes.find((sentence) => sentence.startsWith(`${key} `))!;
    notes.push(
      `${count(having.length, files.length)} a field that cannot be used: ${nameOf(having[0]!)}: ${note}`,
    );
  }
  return notes;
}

const count = (some: number, all: number): string =>
  `${some} of ${all} ${all === 1 ? 'checkpoint' : 'checkpoints'} ${some === 1 ? 'has' : 'have'}`;
const nameOf = ({ path }: CheckpointFacts): string => path.slice(path.lastIndexOf('/') + 1);

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list (${shown(value[0])}, ...)`;
  if (value instanceof LazyTensor) return `a tensor of shape [${value.shape.join(', ')}]`;
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value);
  return value instanceof Map ? 'a dict' : 'of another kind';
}
