/** What the view asks: a job for each run, alignment and epoch. */
import type { Group, RunRow } from '../../src-shared/api.ts';
import type { Alignment, MatchingMode, RecordingPoint, Split } from '../../src-shared/domain.ts';
import type { NormStatistics } from '../../src-shared/jobs/norm-statistics.ts';
import { engine } from '../state/engine.svelte.ts';
import { checkpoints } from './checkpoints.svelte.ts';

export interface Settings {
  /** Only this split is evaluated: the others when they are asked for. */
  split: Split;
  /** `last` is each run's own last epoch. */
  epoch: number | 'last';
  steps: number;
  /** The method shown beside the unaligned curves. */
  align: Exclude<Alignment, 'none'>;
  mode: MatchingMode;
  recordingPoint: RecordingPoint;
  /** Of networks whose batch norms keep running statistics; the others are not asked. */
  normStatistics: NormStatistics;
  statisticsBatch: number;
  /** Where the images come from; empty: as each run's config says. */
  data: { name?: string; dataDir?: string; splitFile?: string };
}

export interface Question {
  key: string;
  group: Group;
  align: Alignment;
  params: Record<string, unknown>;
}

/** What is asked: a job for each whole run of the group, and one for all its single checkpoints together. */
export function questionsOf(group: Group, align: Alignment, settings: Settings): Question[] {
  const common = {
    steps: settings.steps,
    splits: [settings.split],
    align,
    midpoint: align === 'none',
    ...(Object.keys(settings.data).length > 0 ? { data: settings.data } : {}),
    ...(align === 'activation' ? { mode: settings.mode, recordingPoint: settings.recordingPoint } : {}),
  };
  const ask = (own: Record<string, unknown>, runs: readonly (RunRow | undefined)[]) => {
    const params = { ...own, ...common, ...statisticsOf(runs, settings) };
    return { key: JSON.stringify(params), group, align, params };
  };
  const ofRuns = group.members.flatMap((member) => {
    const run = engine.runById.get(member.runId);
    if (!run || member.checkpointIds) return [];
    const epoch = settings.epoch === 'last' ? run.epochs.at(-1) : settings.epoch;
    if (epoch === undefined || !run.epochs.includes(epoch) || run.models < 2) return [];
    return [ask({ run: run.path, epoch }, [run])];
  });
  const singles = checkpoints.singlesOf(group).map(({ path }) => path);
  if (singles.length < 2) return ofRuns;
  const runs = group.members.flatMap((m) => (m.checkpointIds ? [engine.runById.get(m.runId)] : []));
  return [...ofRuns, ask({ checkpoints: singles }, runs)];
}

/** Nothing for networks that have no choice. */
function statisticsOf(
  runs: readonly (RunRow | undefined)[],
  { normStatistics, statisticsBatch }: Settings,
): Record<string, unknown> {
  if (!runs.some((run) => run?.runningStatistics)) return {};
  return normStatistics === 'interpolate' ? { normStatistics } : { normStatistics, statisticsBatch };
}
