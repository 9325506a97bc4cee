/** From what labels the examples of both parts to the labels that are stored. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Task } from '../../../src-shared/objective.ts';
import type { StoredPart } from '../../formats/added-data.ts';
import type { LabelList } from '../../formats/examples/arrays.ts';
import type { TargetArray } from '../../formats/examples/targets.ts';
import { classesOf } from './class-labels.ts';

export interface Labelled {
  /** As the manifest has it. */
  classes: number;
  names: string[] | null;
  /** Of each part that was given. */
  labels: StoredPart['labels'][];
  notes: string[];
}

const largestOf = (values: Iterable<number>): number => {
  let most = 0;
  for (const value of values) most = Math.max(most, value);
  return most;
};

/** @throws UserError naming file, row and value of a label that does not fit the others */
export function labelled(
  task: Task,
  train: LabelList | TargetArray,
  test: LabelList | TargetArray | undefined,
): Labelled {
  if ('values' in train) {
    if (test && !('values' in test)) throw new Error('the test part has other labels than the train part');
    return classesOf(train, test);
  }
  const targets = (test ? [train, test] : [train]) as TargetArray[];
  const labels = targets.map(({ data }) => data);
  if (task === 'next-token') {
    const largest = Math.max(...labels.map((data) => largestOf(data)));
    return { classes: largest + 1, names: null, labels, notes: [] };
  }
  const other = targets.find(({ each }) => each !== train.each);
  if (other)
    throw new UserError(
      `${other.source} has ${other.each} numbers to predict per example, ${train.source} has ${train.each}; they must be alike.`,
    );
  return { classes: train.each, names: null, labels, notes: [] };
}
