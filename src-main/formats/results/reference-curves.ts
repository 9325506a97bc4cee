/** Curves of neuron-identifiability's scripts, as results of kind `interpolate`. Numbers that are not finite become null. */
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { countNonFinite } from '../../../src-shared/barriers.ts';
import { splits } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { derivedOf } from '../../../src-shared/jobs/interpolate.ts';
import { noteOf } from '../../../src-shared/matching-modes.ts';
import {
  count,
  elsewhere,
  grouped,
  pairFields,
  type Converted,
  type ConvertedFile,
  type Row,
} from './converted.ts';

const row = z.record(z.string(), z.unknown());
export const lmcRows = z
  .array(
    z.object({
      ...pairFields,
      checkpoint_path_1: z.string(),
      checkpoint_path_2: z.string(),
      interpolation_results_unaligned: row.nullish(),
      interpolation_results_activation_aligned: row.nullish(),
      interpolation_results_weight_aligned: row.nullish(),
    }),
  )
  .min(1);

/** What the folder of `interpolation_results.pt` says about its curves. */
export interface RunOfCurves {
  directory: string;
  /** Null where nothing says it. */
  epoch: number | null;
  /** How many the run has. */
  models: number;
  /** The file of a model at that epoch. */
  checkpoint: (model: number) => string;
}

/**
 * `interpolation_results.pt`: curves by pair of models, as train.py writes them into the run's folder. They are of the
 * last epoch (train.py:1110); the params are those with which Basin would compute the same, so that they serve
 * whoever asks for it.
 */
export function convertInterpolationDict(
  curves: readonly { models: [number, number]; curve: Row }[],
  { directory: runDirectory, epoch, models, checkpoint }: RunOfCurves,
): ConvertedFile {
  const warnings: string[] = [];
  const pairs = curves.map(({ models: [one, two], curve }) => ({
    ...{ model1_index: one, model2_index: two, epoch },
    ...{ checkpoint_path_1: checkpoint(one), checkpoint_path_2: checkpoint(two) },
    ...curveFields(curve, `(${one}, ${two})`, warnings),
    align: 'none',
  }));
  const name = basename(runDirectory);
  const chosen = curves.map((curve) => curve.models);
  const params = {
    ...{ run: runDirectory, ...(epoch !== null && { epoch }), runKey: name },
    ...(pairs[0] && stepsOf(pairs[0])),
    ...(chosen.length !== (models * (models - 1)) / 2 && { pairs: chosen }),
    align: 'none',
  };
  return {
    what: `interpolation_results.pt of train.py, ${count(pairs.length, 'pair')}`,
    results: [{ kind: 'interpolate', title: `Interpolate: ${name}`, params, data: dataOf(pairs, warnings) }],
  };
}

const alignments = [
  ['interpolation_results_unaligned', 'none'],
  ['interpolation_results_activation_aligned', 'activation'],
  ['interpolation_results_weight_aligned', 'weight'],
] as const;

/** One result per run and alignment. @throws UserError naming row and field of a curve that is none */
export function convertLmc(rows: z.output<typeof lmcRows>): ConvertedFile {
  const places = new Map(rows.map((member, i) => [member, i]));
  const results = grouped(rows).flatMap(([key, members]) =>
    alignments.flatMap(([field, align]): Converted[] => {
      const warnings: string[] = [];
      const pairs = members.flatMap((member) => {
        const curve = member[field];
        const { model1_index, model2_index, epoch, checkpoint_path_1, checkpoint_path_2 } = member;
        if (!curve) {
          if (curve === null) warnings.push(`Models ${model1_index}–${model2_index}: the file has no curve.`);
          return [];
        }
        const names = { model1_index, model2_index, epoch, checkpoint_path_1, checkpoint_path_2 };
        const where = `${places.get(member)!}.${field}`;
        return [{ ...names, ...curveFields(curve, where, warnings), align, ...matchingOf(align) }];
      });
      if (pairs.length === 0) return [];
      const run = dirname(members[0]!.checkpoint_path_1);
      const epochs = [...new Set(members.map(({ epoch }) => epoch))];
      const { note: _note, recording_point: recordingPoint, ...mode } = matchingOf(align);
      const [epoch] = epochs;
      const params = {
        ...{
          run,
          runKey: key,
          ...(epochs.length === 1 && epoch !== null && { epoch }),
          ...stepsOf(pairs[0]!),
        },
        pairs: pairs.map((pair) => [pair.model1_index, pair.model2_index]),
        ...{ align, ...mode, ...(recordingPoint !== undefined && { recordingPoint }) },
      };
      return [{ kind: 'interpolate', title: `Interpolate: ${key}`, params, data: dataOf(pairs, warnings) }];
    }),
  );
  return { what: `curves of measure_lmc_unaligned_aligned.py, ${count(rows.length, 'pair')}`, results };
}

function dataOf(pairs: readonly Row[], warnings: string[]): Row {
  const shared = { warnings: [...new Set(warnings)], backend: elsewhere, split_sizes: {} };
  return pairs.length === 1 ? { ...pairs[0], ...shared } : { pairs, ...shared };
}

/** Points to intervals, where there are as many as in every other curve of the file. */
function stepsOf(curve: Row): { steps?: number } {
  const lambdas = z.array(z.number()).min(2).safeParse(curve['lambdas']);
  return lambdas.success ? { steps: lambdas.data.length - 1 } : {};
}

/** The script pairs the least correlated neurons; every figure of its curves has to say so. */
function matchingOf(align: string): Row {
  if (align !== 'activation') return {};
  const mode = 'reference-lmc-script';
  return { mode, recording_point: 'post_activation_function', note: noteOf(mode) };
}

/**
 * Fields of a pair. Where a loss is NaN the accuracy is dropped too: the script counts whatever class NaN is taken for.
 * A split with NaN or null in place of a curve was not evaluated.
 */
function curveFields(curve: Row, where: string, warnings: string[]): Row {
  const lambdas = numbers(curve, 'lambdas', where);
  const others = Object.entries(curve).filter(
    ([name, value]) => value !== null && !splits.some((split) => name.startsWith(`${split}_`)),
  );
  const fields: Row = { ...Object.fromEntries(others), lambdas };
  for (const name of ['distance', 'normalized_distance']) fields[name] = finite(curve[name]);
  let [lost, doubtful] = [0, 0];
  for (const split of splits) {
    const [loss, counted] = ['loss', 'accuracy'].map((metric) => {
      const name = `${split}_${metric}`;
      const isThere = Array.isArray(curve[name]) || !Number.isNaN(numberOf(curve[name] ?? null));
      return isThere ? numbers(curve, name, where, lambdas.length) : undefined;
    });
    const accuracy = counted?.map((value, i) => (loss && Number.isNaN(loss[i]) ? NaN : value));
    doubtful += (accuracy ?? []).filter((value, i) => !Object.is(value, counted![i])).length;
    const curves = { loss: loss?.map(finite), accuracy: accuracy?.map(finite) };
    lost += Math.max(countNonFinite(curves.loss ?? []), countNonFinite(curves.accuracy ?? []));
    Object.assign(fields, {
      ...(curves.loss && { [`${split}_loss`]: curves.loss }),
      ...(curves.accuracy && { [`${split}_accuracy`]: curves.accuracy }),
      ...derivedOf(split, lambdas, curves),
      // The file's own, if its curve is whole.
      ...(curves.accuracy && countNonFinite(curves.accuracy) === 0 && ownSummaries(curve, split)),
    });
  }
  warnings.push(...lossWarnings(where, lost, doubtful));
  return fields;
}

function lossWarnings(where: string, lost: number, doubtful: number): string[] {
  const gaps = `${where}: ${lost} ${lost === 1 ? 'point is not a finite number: it is' : 'points are not finite numbers: they are'} shown as ${lost === 1 ? 'a gap' : 'gaps'}, and the curve has no barrier.`;
  const them = doubtful === 1 ? '1 accuracy is given' : `${doubtful} accuracies are given`;
  const dropped = `${where}: ${them} where the loss is NaN, so that no class is the largest: left out.`;
  return [...(lost > 0 ? [gaps] : []), ...(doubtful > 0 ? [dropped] : [])];
}

function ownSummaries(curve: Row, split: string): Row {
  const known = [`${split}_barrier_height`, `${split}_linearity`].filter((name) =>
    typeof curve[name] === 'number' ? Number.isFinite(curve[name]) : typeof curve[name] === 'boolean',
  );
  return Object.fromEntries(known.map((name) => [name, curve[name]]));
}

/** A list of numbers, in which NaN and infinities stand as such, whether the file has them as numbers, null or text. */
function numbers(curve: Row, name: string, where: string, length?: number): number[] {
  const list = curve[name];
  const fail = (why: string): never => {
    throw new UserError(`${where}.${name}: ${why}.`);
  };
  if (!Array.isArray(list)) return fail('expected a list of numbers');
  if (length !== undefined && list.length !== length)
    return fail(`${list.length} values, but there are ${length} lambdas`);
  return list.map((item: unknown, i) => {
    const value = numberOf(item);
    if (value === undefined || (name === 'lambdas' && !Number.isFinite(value)))
      return fail(`entry ${i} is ${JSON.stringify(item)}; expected a number`);
    return value;
  });
}

const words = new Map([
  ['nan', NaN],
  ['inf', Infinity],
  ['+inf', Infinity],
  ['infinity', Infinity],
  ['-inf', -Infinity],
  ['-infinity', -Infinity],
]);

function numberOf(item: unknown): number | undefined {
  if (item === null) return NaN;
  if (typeof item === 'number') return item;
  if (typeof item !== 'string' || item.trim() === '') return undefined;
  const value = words.get(item.trim().toLowerCase()) ?? Number(item);
  return Number.isNaN(value) && item.trim().toLowerCase() !== 'nan' ? undefined : value;
}

function finite(value: unknown): number | null {
  const number = numberOf(value);
  return number !== undefined && Number.isFinite(number) ? number : null;
}
