/** What is chosen in the Interpolation view: read from its address, written into it. */
import { barrierNames, type BarrierName } from '../../src-shared/barriers.ts';
import {
  correlationModes,
  recordingPoints,
  splits,
  type MatchingMode,
  type RecordingPoint,
  type Split,
} from '../../src-shared/domain.ts';
import {
  defaultStatisticsBatch,
  normStatistics,
  recommendedNormStatistics,
  type NormStatistics,
} from '../../src-shared/jobs/norm-statistics.ts';
import type { Metric } from '../../src-shared/presentations/interpolation-figure.ts';
import {
  choice,
  list,
  listOrAll,
  numbers,
  readAddress,
  text,
  whole,
  writeAddress,
  type Field,
  type Fields,
  type Query,
} from '../state/address.ts';
import type { End } from './CheckpointPair.svelte';
import type { Settings } from './questions.ts';

const sources = ['groups', 'runs', 'checkpoints', 'imported', 'result'] as const;
export type Source = (typeof sources)[number];

/** As it stands in the address. */
interface Addressed {
  from: Source;
  result: string;
  groups: string[] | null;
  runs: string[];
  ends: [End, End] | null;
  /** Imported groups and series that are not shown. */
  without: string[];
  hide: string[];
  metric: Metric;
  lines: 'mean' | 'both' | 'single';
  band: 'range' | 'std';
  barrier: BarrierName;
  compare: number[];
  split: Split;
  epoch: Settings['epoch'];
  points: number;
  align: Settings['align'];
  similarity: MatchingMode;
  recorded: RecordingPoint;
  norms: NormStatistics;
  batch: number;
  data: string;
  folder: string;
  splits: string;
}

const numberOrNull = (part: string | undefined): number | null => (part ? Number(part) : null);
/** `run,model,epoch,run,model,epoch`; what is not chosen is empty. */
const endsField: Field<[End, End] | null> = {
  read: (written) => {
    const parts = list().read(written);
    if (parts?.length !== 6) return undefined;
    const end = (k: number): End => ({
      runId: parts[k]!,
      model: numberOrNull(parts[k + 1]),
      epoch: numberOrNull(parts[k + 2]),
    });
    const ends: [End, End] = [end(0), end(3)];
    return ends.some(({ model, epoch }) => Number.isNaN(model) || Number.isNaN(epoch)) ? undefined : ends;
  },
  write: (ends) =>
    ends === null
      ? ''
      : list().write(ends.flatMap(({ runId, model, epoch }) => [runId, `${model ?? ''}`, `${epoch ?? ''}`])),
  usual: null,
};

const epochField: Field<Settings['epoch']> = {
  read: (written) => (written === 'last' ? 'last' : whole(0, [0, 1e9]).read(written)),
  write: String,
  usual: 'last',
};

const fields: Fields<Addressed> = {
  from: choice(sources, 'groups'),
  result: text(),
  groups: listOrAll,
  runs: list(),
  ends: endsField,
  without: list(),
  hide: list(),
  metric: choice(['accuracy', 'loss'], 'accuracy'),
  lines: choice(['mean', 'both', 'single'], 'mean'),
  band: choice(['range', 'std'], 'range'),
  barrier: choice(barrierNames, 'chord'),
  compare: numbers,
  split: choice(splits, 'test'),
  epoch: epochField,
  points: whole(9, [3, 201]),
  align: choice(['activation', 'weight', 'orthogonal'], 'activation'),
  similarity: choice(
    [...correlationModes, 'reference-lmc-script'],
    'pearson_correlation_with_zero_for_constant',
  ),
  recorded: choice(recordingPoints, 'post_activation_function'),
  norms: choice(normStatistics, recommendedNormStatistics),
  batch: whole(defaultStatisticsBatch, [2, 1e9]),
  data: text(),
  folder: text(),
  splits: text(),
};

export class InterpolationView {
  /** Says what the curves are between; undefined if the address does not say it. */
  between = $state<Source>('groups');
  /** The address or the person says it: a result that is asked for does not change it any more. */
  decided = $state(false);
  /** What the address says and nobody knows. */
  readonly unknown: readonly string[];
  readonly result: string | undefined;
  readonly runs: readonly string[];
  /** Null: all of them. */
  groups = $state.raw<string[] | null>(null);
  ends = $state.raw<[End, End]>([
    { runId: '', model: null, epoch: null },
    { runId: '', model: null, epoch: null },
  ]);
  /** Imported groups that are not shown. */
  without = $state.raw<string[]>([]);
  /** Series that are not drawn. */
  hidden = $state.raw<string[]>([]);
  metric = $state<Metric>('accuracy');
  draw = $state<'mean' | 'both' | 'single'>('mean');
  band = $state<'range' | 'std'>('range');
  barrier = $state<BarrierName>('chord');
  /** Epochs whose barriers are compared. */
  compared = $state.raw<number[]>([]);
  settings: Settings = $state({
    split: 'test',
    epoch: 'last',
    steps: 8,
    align: 'activation',
    mode: 'pearson_correlation_with_zero_for_constant',
    recordingPoint: 'post_activation_function',
    normStatistics: recommendedNormStatistics,
    statisticsBatch: defaultStatisticsBatch,
    data: {},
  });

  /** @param firstRun the one that two checkpoints are taken of at first */
  constructor(query: Query, firstRun: string) {
    const { state, unknown } = readAddress(fields, query);
    this.unknown = unknown;
    this.decided = query['from'] !== undefined;
    this.result = state.result || undefined;
    this.runs = state.runs;
    this.between = this.decided || state.runs.length === 0 ? state.from : 'runs';
    this.groups = state.groups;
    const first: End = { runId: state.runs[0] ?? firstRun, model: null, epoch: null };
    this.ends = state.ends ?? [first, first];
    this.without = state.without;
    this.hidden = state.hide;
    this.metric = state.metric;
    this.draw = state.lines;
    this.band = state.band;
    this.barrier = state.barrier;
    this.compared = state.compare;
    this.settings = {
      split: state.split,
      epoch: state.epoch,
      steps: state.points - 1,
      align: state.align,
      mode: state.similarity,
      recordingPoint: state.recorded,
      normStatistics: state.norms,
      statisticsBatch: state.batch,
      data: {
        ...(state.data && { name: state.data }),
        ...(state.folder && { dataDir: state.folder }),
        ...(state.splits && { splitFile: state.splits }),
      },
    };
  }

  get query(): Query {
    const { settings } = this;
    const written = writeAddress(fields, {
      from: this.between,
      result: this.result ?? '',
      groups: this.groups,
      runs: [...this.runs],
      ends: this.between === 'checkpoints' ? this.ends : null,
      without: this.without,
      hide: this.hidden,
      metric: this.metric,
      lines: this.draw,
      band: this.band,
      barrier: this.barrier,
      compare: this.compared,
      split: settings.split,
      epoch: settings.epoch,
      points: settings.steps + 1,
      align: settings.align,
      similarity: settings.mode,
      recorded: settings.recordingPoint,
      norms: settings.normStatistics,
      batch: settings.statisticsBatch,
      data: settings.data.name ?? '',
      folder: settings.data.dataDir ?? '',
      splits: settings.data.splitFile ?? '',
    });
    // Without it a link to a result would show the result, whatever was chosen after; before it is read nothing was.
    const doubtful = this.decided && (this.result !== undefined || this.runs.length > 0);
    return doubtful ? { from: this.between, ...written } : written;
  }

  choose(between: Source): void {
    this.between = between;
    this.decided = true;
  }

  isShown(groupId: string): boolean {
    return this.groups?.includes(groupId) ?? true;
  }

  /** @param all the ids of all groups there are */
  toggle(groupId: string, all: readonly string[]): void {
    const shown = all.filter((id) => this.isShown(id) !== (id === groupId));
    this.groups = shown.length === all.length ? null : shown;
  }
}
