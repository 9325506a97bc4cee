/** What results say of whole runs: test accuracy, and barriers between a run's models. For the catalog's columns. */
import { z } from 'zod';
import type { ResultRow } from '../../src-shared/api.ts';
import { accuracyDrops, lossBarriers } from '../../src-shared/barriers.ts';
import type { Split } from '../../src-shared/domain.ts';
import { interpolationSchema } from '../../src-shared/jobs/interpolate.ts';
import { trainJob } from '../../src-shared/jobs/train.ts';
import { spreadOf } from '../../src-shared/run-measures.ts';
import type {
  InterpolationMeasure,
  MeasuredSpread,
  RunMeasures,
  TestMeasure,
} from '../../src-shared/run-measures.ts';
import type { RunStore } from './catalog/runs.ts';
import type { ResultStore } from './results.ts';

/** What one result says; results never change, so each is read once. */
interface Said {
  test?: Omit<TestMeasure, 'filesNewer'>;
  interpolation?: Omit<InterpolationMeasure, 'filesNewer'>;
}

type Results = Pick<ResultStore, 'list' | 'read'>;
type Runs = Pick<RunStore, 'lastWrites'>;

/** After reading this many results, other requests get their turn. */
const readAtOnce = 8;

/** Files are written a moment before the result that tells of them; clocks of file systems are coarse. */
const slack = 2000;

export class MeasureStore {
  readonly #results: Results;
  readonly #runs: Runs;
  readonly #said = new Map<string, Said>();

  constructor(results: Results, runs: Runs) {
    this.#results = results;
    this.#runs = runs;
  }

  /** Of every run that something was measured of, the newest. */
  async list(): Promise<RunMeasures[]> {
    // A training says more of the test accuracy than the ends of a curve. Each list has the newest first.
    const rows = [...this.#results.list('train'), ...this.#results.list('interpolate')].filter(
      ({ runIds }) => runIds.length === 1,
    );
    this.#forgetOthers(rows);
    const written = this.#runs.lastWrites();
    const found = new Map<string, RunMeasures>();
    let read = 0;
    for (const row of rows) {
      const runId = row.runIds[0]!;
      const of = found.get(runId) ?? { runId, test: null, unaligned: null, aligned: null };
      if (isComplete(of)) continue;
      if (!this.#said.has(row.id) && ++read % readAtOnce === 0)
        await new Promise((resolve) => setImmediate(resolve));
      found.set(runId, withResult(of, this.#read(row), written.get(runId)));
    }
    return [...found.values()].filter(({ test, unaligned, aligned }) => test ?? unaligned ?? aligned);
  }

  #read(row: ResultRow): Said {
    const known = this.#said.get(row.id);
    if (known) return known;
    try {
      const { data } = this.#results.read(row.id);
      const said = row.kind === 'train' ? saidByTraining(row, data) : saidByInterpolation(row, data);
      this.#said.set(row.id, said);
      return said;
    } catch {
      // Its file is gone or damaged: whoever opens the result is told so.
      return {};
    }
  }

  #forgetOthers(rows: readonly ResultRow[]): void {
    const ids = new Set(rows.map(({ id }) => id));
    for (const id of this.#said.keys()) if (!ids.has(id)) this.#said.delete(id);
  }
}

const isComplete = ({ test, unaligned, aligned }: RunMeasures): boolean =>
  test !== null && unaligned !== null && aligned !== null;

/** A result fills only what those before it left open. */
function withResult(
  of: RunMeasures,
  { test, interpolation }: Said,
  written: ReadonlyMap<number, number> | undefined,
): RunMeasures {
  const dated = <T extends { measuredAt: number; epoch: number | null; imported: boolean }>(said: T) => {
    const last = said.epoch === null || said.imported ? undefined : written?.get(said.epoch);
    return { ...said, filesNewer: last !== undefined && last > said.measuredAt + slack };
  };
  const slot = interpolation?.align === 'none' ? 'unaligned' : 'aligned';
  return {
    ...of,
    ...(test && of.test === null && { test: dated(test) }),
    ...(interpolation && of[slot] === null && { [slot]: dated(interpolation) }),
  };
}

const originOf = ({ id, createdAt, origin }: ResultRow) => ({
  resultId: id,
  measuredAt: createdAt,
  imported: origin === 'imported',
});

/** Of results only what is read here: the schema of a whole one takes ten times as long, for thousands of them. */
const pairSchema = interpolationSchema.pick({
  ...{ epoch: true, align: true, mode: true, lambdas: true, norm_statistics: true, loss_name: true },
  ...{ checkpoint_path_1: true, checkpoint_path_2: true, stored_ends: true },
  ...{ test_loss: true, test_accuracy: true, val_loss: true, val_accuracy: true },
  ...{ train_loss: true, train_accuracy: true },
});
type Pair = z.output<typeof pairSchema>;
const pairsSchema = z.union([
  z.object({ pairs: z.array(pairSchema) }).transform(({ pairs }) => pairs),
  pairSchema.transform((pair) => [pair]),
]);
const trainedSchema = trainJob.result.pick({ test_accuracy: true, epochs: true, loss_name: true });

function saidByTraining(row: ResultRow, data: unknown): Said {
  const parsed = trainedSchema.safeParse(data);
  if (!parsed.success) return {};
  const { test_accuracy: values, epochs: epoch, loss_name: loss } = parsed.data;
  const accuracy = spreadOf(values ?? []);
  if (!accuracy) return {};
  return {
    test: { ...originOf(row), epoch, source: 'training', accuracy, ...(loss && { lossName: loss }) },
  };
}

/** Of several epochs the last one counts. */
function saidByInterpolation(row: ResultRow, data: unknown): Said {
  const parsed = pairsSchema.safeParse(data);
  if (!parsed.success) return {};
  const all = parsed.data;
  const epoch = all.reduce<number | null>(
    (last, pair) => (pair.epoch === null ? last : Math.max(last ?? 0, pair.epoch)),
    null,
  );
  const pairs = all.filter((pair) => pair.epoch === epoch);
  const [first] = pairs;
  // What the published script does is the opposite of aligning, and no measure of aligned models.
  if (!first || first.mode === 'reference-lmc-script') return {};
  const split = (['test', 'val', 'train'] as const).find(
    (each) => first[`${each}_loss`] !== undefined || first[`${each}_accuracy`] !== undefined,
  );
  if (!split) return {};
  const common = { ...originOf(row), epoch };
  const test = first.align === 'none' && split === 'test' ? testOfEnds(pairs) : null;
  return {
    interpolation: {
      ...common,
      align: first.align,
      split,
      normStatistics: first.norm_statistics ?? null,
      barrier: chordOf(pairs, split, 'loss'),
      drop: chordOf(pairs, split, 'accuracy'),
      ...(first.loss_name && { lossName: first.loss_name }),
    },
    ...(test && {
      test: {
        ...common,
        source: 'interpolation',
        accuracy: test,
        ...(first.loss_name && { lossName: first.loss_name }),
      },
    }),
  };
}

function chordOf(pairs: readonly Pair[], split: Split, of: 'loss' | 'accuracy') {
  return spreadOf(
    pairs.map((pair) => {
      const curve = pair[`${split}_${of}`];
      if (!curve) return null;
      return (of === 'loss' ? lossBarriers : accuracyDrops)(pair.lambdas, curve).chord;
    }),
  );
}

/** Each model once, as it is in its file. */
function testOfEnds(pairs: readonly Pair[]): MeasuredSpread | null {
  const ends = new Map<string, number | null>();
  for (const pair of pairs) {
    const curve = pair.stored_ends?.test_accuracy ?? pair.test_accuracy;
    if (!curve) continue;
    ends.set(pair.checkpoint_path_1, curve[0] ?? null);
    ends.set(pair.checkpoint_path_2, curve.at(-1) ?? null);
  }
  return spreadOf([...ends.values()]);
}
