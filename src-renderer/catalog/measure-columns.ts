/** Columns of what results say of a run: each cell says under the pointer where its number is from, or is marked. */
import type { RunRow } from '../../src-shared/api.ts';
import { accuracyOf, lossUnit } from '../../src-shared/objective.ts';
import { normStatisticsNames, normStatisticsSchema } from '../../src-shared/jobs/norm-statistics.ts';
import type {
  InterpolationMeasure,
  MeasuredSpread,
  RunMeasures,
  TestMeasure,
} from '../../src-shared/run-measures.ts';
import type { Standing } from '../../src-shared/standing.ts';
import { moment, percentWithSpread, plural, signed } from '../format.ts';
import type { Column } from './columns.ts';
import type { MeasureKey } from './measure-keys.ts';

export interface MeasureSource {
  /** False while they are being read. */
  known: () => boolean;
  of: (runId: string) => RunMeasures | undefined;
  standing: (resultId: string) => Standing | undefined;
}

const alignmentNames: Record<InterpolationMeasure['align'], string> = {
  none: 'unaligned',
  weight: 'aligned by weights',
  activation: 'aligned by activations',
  orthogonal: 'aligned by orthogonal maps',
};

const spreadText = ({ mean, std }: MeasuredSpread, digits: number): string =>
  `${signed(mean, digits)}${std === null ? '' : ` ± ${std.toFixed(digits)}`}`;

/** Only what differs from what a reader expects: the test split at the run's last epoch. */
function apart(run: RunRow, { epoch }: { epoch: number | null }, split = 'test'): string {
  const parts = [
    ...(split === 'test' ? [] : [split === 'val' ? 'val.' : split]),
    ...(epoch === run.epochs.at(-1) ? [] : [epoch === null ? 'mixed epochs' : `epoch ${epoch}`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

type Origin = Pick<InterpolationMeasure, 'resultId' | 'filesNewer' | 'measuredAt' | 'imported'>;

/** The contents decide; until they were compared, the times of the files. */
function doubtOf(origin: Origin, { standing }: MeasureSource): string | undefined {
  const known = standing(origin.resultId);
  if (known?.state === 'outdated' || known?.state === 'gone') return `Outdated: ${known.reason ?? ''}`;
  if (origin.filesNewer && known?.state !== 'current')
    return 'Outdated: checkpoints were written after it was measured.';
  return undefined;
}

const lacking = ({ missing, n }: MeasuredSpread, unit: string): string | undefined =>
  missing > 0 ? `Only ${n} of ${plural(n + missing, unit)} have a finite number.` : undefined;

const nothing = ({ known }: MeasureSource): string => (known() ? '–' : '…');

const whence = ({ measuredAt, imported }: Origin): string =>
  imported ? 'imported' : `measured ${moment(measuredAt)}`;

const epochText = (epoch: number | null): string =>
  epoch === null ? 'models of different epochs' : `epoch ${epoch}`;

function interpolationColumn(
  given: Pick<Column, 'id' | 'title' | 'width' | 'hint'> & { key: MeasureKey; digits: number; unit: string },
  slot: 'unaligned' | 'aligned',
  source: MeasureSource,
): Column {
  const { key, digits, unit, ...rest } = given;
  const isLoss = key.endsWith('barrier');
  const unitOf = ({ lossName }: InterpolationMeasure): string =>
    isLoss ? lossUnit(lossName) : `${unit}${accuracyOf(lossName)}`;
  // Numbers of another quantity than those around them say so.
  const mark = ({ lossName }: InterpolationMeasure): string =>
    isLoss ? (lossName === 'mean-squared-error' ? ' (squared error)' : '') : accuracyOf(lossName);
  const of = (run: RunRow): { measure: InterpolationMeasure; spread: MeasuredSpread } | undefined => {
    const measure = source.of(run.id)?.[slot];
    const spread = measure?.[isLoss ? 'barrier' : 'drop'];
    return measure && spread ? { measure, spread } : undefined;
  };
  return {
    ...rest,
    numeric: true,
    text: (run) => {
      const found = of(run);
      return found
        ? `${spreadText(found.spread, digits)}${mark(found.measure)}${apart(run, found.measure, found.measure.split)}`
        : nothing(source);
    },
    value: (run) => of(run)?.spread.mean,
    about: (run) => {
      const found = of(run);
      if (!found) return undefined;
      const { measure, spread } = found;
      const statistics = normStatisticsSchema.safeParse(measure.normStatistics).data;
      return [
        `${spreadText(spread, digits + 1)} ${unitOf(measure)} over ${plural(spread.n, 'pair')}, against the straight line between the ends`,
        `${measure.split} split, ${epochText(measure.epoch)}, ${alignmentNames[measure.align]}`,
        ...(statistics ? [normStatisticsNames[statistics]] : []),
        whence(measure),
      ].join('; ');
    },
    doubt: (run) => {
      const found = of(run);
      return found && (doubtOf(found.measure, source) ?? lacking(found.spread, 'pair'));
    },
  };
}

function testColumn(source: MeasureSource): Column {
  const of = (run: RunRow): TestMeasure | undefined => source.of(run.id)?.test ?? undefined;
  return {
    id: 'test',
    title: 'Test accuracy',
    width: '116px',
    numeric: true,
    hint: 'from training, else from the ends of the newest interpolation',
    text: (run) => {
      const test = of(run);
      if (!test) return nothing(source);
      return `${percentWithSpread(test.accuracy)}${accuracyOf(test.lossName)}${apart(run, test)}`;
    },
    value: (run) => of(run)?.accuracy.mean,
    about: (run) => {
      const test = of(run);
      if (!test) return undefined;
      const from = test.source === 'training' ? 'training' : 'the ends of an interpolation';
      return `${percentWithSpread(test.accuracy, 2)} over ${plural(test.accuracy.n, 'model')}, ${epochText(test.epoch)}; from ${from}, ${whence(test)}`;
    },
    doubt: (run) => {
      const test = of(run);
      return test && (doubtOf(test, source) ?? lacking(test.accuracy, 'model'));
    },
  };
}

export function measureColumns(source: MeasureSource): Column[] {
  const loss = { digits: 3, unit: 'nats', width: '118px' };
  const accuracy = { digits: 1, unit: 'percentage points', width: '120px' };
  const newest = 'newest unaligned interpolation between its models';
  const aligned = 'newest aligned interpolation between its models';
  return [
    testColumn(source),
    interpolationColumn(
      { id: 'drop', key: 'drop', title: 'Accuracy drop', hint: `percentage points, ${newest}`, ...accuracy },
      'unaligned',
      source,
    ),
    interpolationColumn(
      { id: 'barrier', key: 'barrier', title: 'Loss barrier', hint: `nats, ${newest}`, ...loss },
      'unaligned',
      source,
    ),
    interpolationColumn(
      {
        ...{ id: 'aligned_drop', key: 'aligned_drop', title: 'Drop, aligned' },
        ...{ hint: `percentage points, ${aligned}`, ...accuracy },
      },
      'aligned',
      source,
    ),
    interpolationColumn(
      {
        ...{ id: 'aligned_barrier', key: 'aligned_barrier', title: 'Barrier, aligned' },
        ...{ hint: `nats, ${aligned}`, ...loss },
      },
      'aligned',
      source,
    ),
  ];
}
