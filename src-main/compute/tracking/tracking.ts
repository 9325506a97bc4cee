/**
 * What is measured of the models of a run while it trains. It is measured on the checkpoints that were just saved, by the
 * functions of the jobs `interpolate`, `similarity` and `ntk`: so the numbers are theirs, the training is not touched, and
 * what a cancel left out is made up for when the run is resumed.
 */
import { isTracked } from '../../../src-shared/config.ts';
import type { TrackingPlan } from '../../../src-shared/config.ts';
import { splits as allSplits } from '../../../src-shared/domain.ts';
import type { Split } from '../../../src-shared/domain.ts';
import { interpolateJob } from '../../../src-shared/jobs/interpolate.ts';
import type { EpochMetrics } from '../../../src-shared/progress.ts';
import { summaryOf } from '../../../src-shared/tracking.ts';
import type { TrackingFile } from '../../../src-shared/tracking.ts';
import { readRunDirectory } from '../../formats/run-directory.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import { backendInfo } from '../backend/info.ts';
import type { Backend } from '../backend/index.ts';
import { interpolateOn } from '../connectivity/interpolate.ts';
import { checkpointCancel } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import { countOf } from '../data/index.ts';
import type { Dataset, SplitIndices } from '../data/index.ts';
import { readRun } from '../load-models.ts';
import type { Run } from '../load-models.ts';
import { loadPairs } from '../pairs.ts';
import { agreementsOf, updateOf } from '../similarity/similarity.ts';
import { hasCheckpoints } from '../training/saved-state.ts';
import { KernelTracker } from './kernels.ts';
import { readTracking, writeTracking } from './file.ts';

export interface TrackedRun {
  directory: string;
  plan: TrackingPlan;
  dataset: Dataset;
  split: SplitIndices;
  models: number;
  /** Where the run begins: of a fork the epoch of the fork. */
  first: number;
  /** The epoch from which training resumes; undefined if it begins. */
  from: number | undefined;
}

/** Called with what is being done, often; throw there to stop. */
type Tell = (message: string) => Promise<void>;

interface Tracker {
  /** As in TrackingPlan. */
  every: number | undefined;
  name: string;
  /** Epochs that are measured. */
  epochs: () => readonly number[];
  /** Measures an epoch and adds it to the file. */
  measure: (epoch: number, tell: Tell) => Promise<void>;
}

export class Tracking {
  readonly #of: TrackedRun;
  readonly #context: ComputeContext;
  readonly #file: TrackingFile;
  readonly #trackers: Tracker[] = [];
  readonly #run: Run;
  readonly #backend: Backend;
  #told = false;

  private constructor(of: TrackedRun, run: Run, backend: Backend, context: ComputeContext, data: string) {
    this.#of = of;
    this.#run = run;
    this.#backend = backend;
    this.#context = context;
    const known = of.from === undefined ? undefined : readTracking(of.directory, of.from);
    this.#file = known ?? {
      ...{ format: 'basin-tracking', version: 1, notes: [...of.plan.notes], data },
      ...{ backend: backendInfo(backend), seconds: 0 },
    };
  }

  /** @throws UserError if the data lack the examples that are asked for, or what was tracked cannot be read */
  static async open(of: TrackedRun, backend: Backend, context: ComputeContext): Promise<Tracking> {
    const run = readRun(of.directory);
    // For its description alone; the test split is not copied.
    const data = await loadAnalysisData(run, {}, ['test'], 'split', of.dataset);
    const empty = allSplits.filter((which) => countOf(of.dataset, of.split, which) === 0);
    const tracking = new Tracking(of, run, backend, context, data.description);
    tracking.#addCurves(empty);
    tracking.#addUpdates();
    tracking.#addAgreements(empty);
    await tracking.#addKernels();
    for (const line of of.plan.notes) context.emit({ type: 'log', level: 'info', line: `tracking: ${line}` });
    return tracking;
  }

  /** Epochs at which anything was measured, ascending, and how long all of it took. */
  get done(): { epochs: number[]; seconds: number } {
    const epochs = new Set(this.#trackers.flatMap((tracker) => tracker.epochs()));
    return { epochs: [...epochs].sort((a, b) => a - b), seconds: this.#file.seconds };
  }

  /** With what was measured at its epoch, in few numbers. */
  summarised({ tracked: _before, ...entry }: EpochMetrics): EpochMetrics {
    const tracked = summaryOf(this.#file, entry.epoch);
    return { ...entry, ...(tracked && { tracked }) };
  }

  /**
   * Measures what belongs to the epochs up to this one and was not measured yet, and writes the file.
   * @param last whether training ends with this epoch
   * @returns the epochs that were measured
   */
  async upTo(epoch: number, last: boolean, tell: (message: string) => void): Promise<number[]> {
    const { first, directory, models } = this.#of;
    const began = performance.now();
    const took: string[] = [];
    const measured = new Set<number>();
    const candidates = Array.from({ length: epoch - first + 1 }, (_, i) => first + i);
    for (const at of candidates) {
      for (const { every, name, epochs, measure } of this.#trackers) {
        if (!isTracked(every, at, { first, last: last && at === epoch }) || epochs().includes(at)) continue;
        // Earlier ones than the last that was measured are past: each is compared with the one before.
        if (at < (epochs().at(-1) ?? first)) continue;
        if (!hasCheckpoints(readRunDirectory(directory), at, models)) {
          this.#note(`${name}: epoch ${at} was not saved, so nothing was measured there.`);
          continue;
        }
        const start = performance.now();
        await measure(at, async (detail) => {
          tell(`tracking epoch ${at}: ${detail}`);
          await checkpointCancel(this.#context);
        });
        took.push(`${name} ${((performance.now() - start) / 1000).toFixed(1)} s`);
        measured.add(at);
      }
    }
    if (measured.size === 0) return [];
    this.#file.seconds += (performance.now() - began) / 1000;
    writeTracking(directory, this.#file);
    if (!this.#told) this.#log(`tracking of epoch ${[...measured].join(', ')} took: ${took.join(', ')}`);
    this.#told = true;
    return [...measured];
  }

  #log(line: string): void {
    this.#context.emit({ type: 'log', level: 'info', line });
  }

  #note(note: string): void {
    if (this.#file.notes.includes(note)) return;
    this.#file.notes.push(note);
    this.#context.emit({ type: 'log', level: 'warning', line: `tracking: ${note}` });
  }

  #addCurves(empty: readonly Split[]): void {
    const plan = this.#of.plan.interpolation;
    if (!plan) return;
    const { way: type, steps, every } = plan;
    const section = (this.#file.interpolation ??= { type, steps, all_epoch_results: [], num_epochs: 0 });
    const measured = allSplits.filter((split) => !empty.includes(split));
    this.#trackers.push({
      ...{ every, name: 'interpolation', epochs: () => section.all_epoch_results.map((at) => at.epoch) },
      measure: async (epoch, tell) => {
        const result = await interpolateOn(
          interpolateJob.params.parse({
            ...{ run: this.#run.directory, epoch, steps, midpoint: type === 'midpoint', splits: measured },
          }),
          this.#inner('interpolation', tell),
          this.#of.dataset,
        );
        await tell('interpolation');
        section.all_epoch_results.push({ epoch, result });
        section.num_epochs = section.all_epoch_results.length;
      },
    });
  }

  /** What a job's function is given: what it tells becomes part of the training's progress. */
  #inner(name: string, tell: Tell): ComputeContext {
    return {
      ...this.#context,
      backend: () => Promise.resolve(this.#backend),
      emit: (event) => {
        // A cancel is looked for by the job itself.
        if (event.type === 'progress') void tell(`${name}, ${event.progress.message}`).catch(() => undefined);
      },
    };
  }

  #addUpdates(): void {
    const plan = this.#of.plan.cosine;
    if (!plan) return;
    const section = (this.#file.cosine_similarity ??= { epochs: [], pairs: this.#rows() });
    this.#trackers.push({
      ...{ every: plan.every, name: 'cosine of updates', epochs: () => section.epochs },
      measure: async (epoch, tell) => {
        await tell('cosine of updates');
        const previous = section.epochs.at(-1);
        if (previous !== undefined) {
          const before = this.#pairs(previous);
          const now = this.#pairs(epoch);
          for (const [p, pair] of now.pairs.entries()) {
            add(section.pairs[p]!, updateOf(pair, before.models, now.models));
            await tell('cosine of updates');
          }
        }
        section.epochs.push(epoch);
      },
    });
  }

  #addAgreements(empty: readonly Split[]): void {
    const plan = this.#of.plan.functional;
    if (!plan) return;
    const splits = plan.splits.filter((split) => !empty.includes(split));
    for (const split of plan.splits)
      if (empty.includes(split)) this.#note(`functional similarity: the ${split} split has no examples.`);
    const section = (this.#file.functional_similarity ??= { epochs: [], splits, pairs: this.#rows() });
    this.#trackers.push({
      ...{ every: plan.every, name: 'functional similarity', epochs: () => section.epochs },
      measure: async (epoch, tell) => {
        const data = await loadAnalysisData(this.#run, {}, splits, 'split', this.#of.dataset);
        const between = (_share: number, message: string) => tell(`functional similarity, ${message}`);
        const found = await agreementsOf(this.#pairs(epoch), { epoch, splits: data.splits }, this.#backend, {
          between,
        });
        found.forEach((agreement, p) => {
          add(section.pairs[p]!, agreement);
        });
        section.epochs.push(epoch);
      },
    });
  }

  async #addKernels(): Promise<void> {
    const plan = this.#of.plan.ntk;
    if (!plan) return;
    const kernels = await KernelTracker.open(this.#run, plan, this.#backend, this.#of.dataset);
    const section = (this.#file.ntk_tracking ??= kernels.section());
    const size = Math.ceil(kernels.bytes / 2 ** 20);
    this.#log(
      `tracking: tangent kernels of ${plan.samples} examples and ${section.num_weights} weights hold up to ${size} MiB of gradients`,
    );
    this.#trackers.push({
      ...{ every: plan.every, name: 'tangent kernel' },
      epochs: () => section.all_epoch_results.map((at) => at.epoch),
      measure: async (epoch, tell) => {
        const known = section.all_epoch_results;
        const entry = await kernels.measure(epoch, known, () => tell('tangent kernel'));
        section.all_epoch_results.push(entry);
        section.num_epochs = section.all_epoch_results.length;
      },
    });
  }

  #pairs(epoch: number): ReturnType<typeof loadPairs> {
    return loadPairs({ run: this.#run.directory, epoch });
  }

  /** One per pair, in the order of `loadPairs`. */
  #rows(): { model1_index: number; model2_index: number; all_epoch_results: never[]; num_epochs: number }[] {
    const { models } = this.#of;
    return Array.from({ length: models }, (_, a) =>
      Array.from({ length: models - a - 1 }, (_unused, k) => ({
        ...{ model1_index: a + 1, model2_index: a + k + 2, all_epoch_results: [], num_epochs: 0 },
      })),
    ).flat();
  }
}

function add<E>(row: { all_epoch_results: E[]; num_epochs: number }, entry: E): void {
  row.all_epoch_results.push(entry);
  row.num_epochs = row.all_epoch_results.length;
}
