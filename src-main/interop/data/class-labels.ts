/** From the labels that files hold to class numbers 0 to classes - 1. */
import { UserError } from '../../../src-shared/errors.ts';
import type { LabelList } from '../../formats/examples/arrays.ts';

export interface Classes {
  classes: number;
  /** Of labels that are texts; null: they are numbers. */
  names: string[] | null;
  /** Of each list that was given, in their order. */
  labels: Int32Array<ArrayBuffer>[];
  notes: string[];
}

/** More classes than that are no classes but something that was taken for them. */
const mostClasses = 100_000;

/**
 * The training labels say which classes there are.
 * @throws UserError naming file, row and value of a label that is none of them
 */
export function classesOf(train: LabelList, test: LabelList | undefined): Classes {
  const lists = test ? [train, test] : [train];
  const named = lists.map(({ values }) => typeof values[0] === 'string');
  if (named[0] !== named[named.length - 1]) {
    throw new UserError(
      `${train.source} has ${named[0]! ? 'names' : 'numbers'} of classes, ${test!.source} has ${named[1]! ? 'names' : 'numbers'}; they must be alike.`,
    );
  }
  const [first] = train.values;
  if ((train.values as unknown[]).every((value) => value === first))
    throw new UserError(
      `${train.source}: all ${train.values.length} labels are the same (${first}); at least two classes are needed.`,
    );
  return named[0]! ? byName(lists) : byNumber(lists);
}

function byName(lists: readonly LabelList[]): Classes {
  const names = [...new Set(lists[0]!.values as string[])].sort();
  const numbers = new Map(names.map((name, i) => [name, i]));
  const labels = lists.map(({ values, source, place }) =>
    Int32Array.from(values as string[], (name, row) => {
      const number = numbers.get(name);
      if (number !== undefined) return number;
      throw new UserError(
        `${source}, ${place(row)}: the label is "${name}", a class that the training examples do not have (${shortList(names)}).`,
      );
    }),
  );
  return { classes: names.length, names, labels, notes: [] };
}

function byNumber(lists: readonly LabelList[]): Classes {
  const [{ values: trained, source, place }] = lists as [LabelList];
  const highest = (trained as number[]).reduce((most, value) => Math.max(most, value), 0);
  if (highest >= mostClasses) {
    const row = (trained as number[]).indexOf(highest);
    throw new UserError(
      `${source}, ${place(row)}: the label is ${highest}; class numbers up to ${mostClasses - 1} were expected.`,
    );
  }
  const classes = highest + 1;
  const seen = new Set(trained as number[]);
  const labels = lists.map((list) =>
    Int32Array.from(list.values as number[], (value, row) => {
      if (value < classes) return value;
      throw new UserError(
        `${list.source}, ${list.place(row)}: the label is ${value}; the training examples have 0 to ${highest}.`,
      );
    }),
  );
  const empty = Array.from({ length: classes }, (_, i) => i).filter((number) => !seen.has(number));
  const notes =
    empty.length === 0
      ? []
      : [`No training example has the class ${shortList(empty)}; the classes count from 0 to ${highest}.`];
  return { classes, names: null, labels, notes };
}

const shortList = (items: readonly (string | number)[]): string =>
  items.length <= 6 ? items.join(', ') : `${items.slice(0, 5).join(', ')} and ${items.length - 5} more`;
