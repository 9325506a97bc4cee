/** `--limit`: a size cut down to see that it runs. What it finds is not judged. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Experiment, ExperimentReport, ExperimentRow, Limit, LimitName } from './experiment.ts';
import { limitNames } from './experiment.ts';

/**
 * Reads `epochs=1,models=2`. Whole numbers from 1.
 * @throws UserError for anything else
 */
export function parseLimit(text: string): Limit {
  const limit: Limit = {};
  for (const part of text.split(',')) {
    const [, name, value] = /^\s*([a-z]+)\s*=\s*([1-9]\d{0,8})\s*$/.exec(part) ?? [];
    const known = limitNames.find((each) => each === name);
    if (known === undefined || limit[known] !== undefined) {
      throw new UserError(
        `--limit ${text}: ${known ? `${known} is given twice` : `"${part}" is not a limit`}.`,
        {
          hint: `Whole numbers from 1 of ${limitNames.join(', ')}; for example epochs=1,models=2.`,
        },
      );
    }
    limit[known] = Number(value);
  }
  return limit;
}

/**
 * The part of a limit that concerns an experiment.
 * @throws UserError if a name is given and a part would change nothing in that experiment
 */
export function limitFor({ limits }: Pick<Experiment, 'limits'>, limit: Limit, name?: string): Limit {
  const idle = limitNames.filter((each) => limit[each] !== undefined && !limits.includes(each));
  if (name !== undefined && idle.length > 0) {
    throw new UserError(`reproduce ${name}: --limit ${idle.join(', ')} would change nothing here.`, {
      hint:
        limits.length === 0
          ? 'This experiment is not made of trainings that can be cut.'
          : `It can be limited in ${limits.join(', ')}.`,
    });
  }
  return Object.fromEntries(Object.entries(limit).filter(([each]) => limits.includes(each as LimitName)));
}

/** The setting with no more epochs and networks than the limit says. */
export function cut<S extends { epochs: number; models: number }>(setting: S, limit: Limit): S {
  return {
    ...setting,
    epochs: Math.min(setting.epochs, limit.epochs ?? Infinity),
    models: Math.min(setting.models, limit.models ?? Infinity),
  };
}

/** The first settings of a sweep. */
export const cutList = <T>(list: readonly T[], { settings }: Limit): readonly T[] => list.slice(0, settings);

export const isLimited = (limit: Limit): boolean => Object.keys(limit).length > 0;

/** Expectations are about the whole size: of a part nothing is said. */
export function unjudged(report: ExperimentReport): ExperimentReport {
  const plain = ({ required: _, ...row }: ExperimentRow): ExperimentRow => ({ ...row, holds: null });
  return {
    ...report,
    rows: report.rows.map(plain),
    ...(report.expectations && { expectations: report.expectations.map(plain) }),
  };
}
