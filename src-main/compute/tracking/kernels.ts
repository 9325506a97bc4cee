/** The tangent kernel of model 1 at one epoch after the other, as kind `ntk` computes it of all epochs at once. */
import { join } from 'node:path';
import type { TrackingPlan } from '../../../src-shared/config.ts';
import type { TrackedKernel, TrackingFile } from '../../../src-shared/tracking.ts';
import { writeNpy } from '../../formats/npy.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import type { Backend } from '../backend/index.ts';
import type { Dataset } from '../data/index.ts';
import { loadModels } from '../load-models.ts';
import type { LoadedModel, Run } from '../load-models.ts';
import type { Gradients } from '../ntk/gradients.ts';
import { withGradients } from '../ntk/gradients.ts';
import { changesOf, gradientBytes, kernelOf } from '../ntk/kernel.ts';
import { directionOf, examinedOf, kernelEntry, linearEntry, outputsOf } from '../ntk/ntk.ts';
import type { Earlier, ExaminedNetwork } from '../ntk/ntk.ts';
import { kernelSampleSeed } from '../ntk/sample.ts';

type Settings = NonNullable<TrackingPlan['ntk']>;
type Section = NonNullable<TrackingFile['ntk_tracking']>;

const sampleSeed = kernelSampleSeed;
const model = 1;

export class KernelTracker {
  readonly #run: Run;
  readonly #settings: Settings;
  readonly #backend: Backend;
  readonly #examined: ExaminedNetwork;
  /** As far as they have been needed; what is absent is computed from the checkpoints. */
  #start: { model: LoadedModel; outputs: Float64Array | undefined } | undefined;
  readonly #kernels = new Map<number, Float64Array>();

  private constructor(run: Run, settings: Settings, backend: Backend, examined: ExaminedNetwork) {
    this.#run = run;
    this.#settings = settings;
    this.#backend = backend;
    this.#examined = examined;
  }

  /** @throws UserError if the split has too few examples */
  static async open(run: Run, settings: Settings, backend: Backend, held: Dataset): Promise<KernelTracker> {
    const { split } = settings;
    const { splits } = await loadAnalysisData(run, {}, [split], 'split', held);
    const examined = examinedOf(run, splits.get(split)!, { ...settings, sampleSeed });
    return new KernelTracker(run, settings, backend, examined);
  }

  /** Bytes of gradients that are held while a kernel is computed. */
  get bytes(): number {
    return gradientBytes(this.#examined);
  }

  /** With no epoch in it. */
  section(): Section {
    const { samples, classBalanced, split } = this.#settings;
    const { layout, places } = this.#examined;
    return {
      ...{ model_index: model, all_epoch_results: [], num_epochs: 0 },
      ...{ num_samples: samples, class_balanced: classBalanced, split },
      sample_seed: classBalanced ? sampleSeed : null,
      examples: [...places],
      ...{ num_weights: layout.weights, num_outputs: layout.outputs },
      precision: this.#backend.native ? 'float64' : 'float32',
    };
  }

  /**
   * @param known epochs measured before, ascending
   * @param between called between chunks; throw there to stop
   */
  measure(
    epoch: number,
    known: readonly TrackedKernel[],
    between: () => Promise<void>,
  ): Promise<TrackedKernel> {
    return withGradients(this.#backend, this.#examined, (gradients) =>
      this.#measure(gradients, { epoch, first: known[0]?.epoch, previous: known.at(-1)?.epoch }, between),
    );
  }

  async #measure<T>(
    gradients: Gradients<T>,
    { epoch, first, previous }: { epoch: number; first: number | undefined; previous: number | undefined },
    between: () => Promise<void>,
  ): Promise<TrackedKernel> {
    const { stats, matrices } = this.#settings;
    const earlier = async (of: number | undefined): Promise<Earlier | undefined> =>
      of === undefined || !stats
        ? undefined
        : { epoch: of, kernel: await this.#kernel(gradients, of, between) };
    const [start, before] = [await earlier(first), await earlier(previous)];
    const linear = await this.#linear(gradients, epoch, first, between);
    const kernel = stats || matrices ? await this.#kernel(gradients, epoch, between) : undefined;
    for (const of of [...this.#kernels.keys()])
      if (of !== epoch && of !== (first ?? epoch)) this.#kernels.delete(of);
    return {
      epoch,
      ...(kernel && stats && kernelEntry({ epoch, kernel }, { start, before }, this.#backend)),
      ...linear,
      ...(kernel && matrices && { ntk_matrix_file: this.#write(epoch, kernel) }),
    };
  }

  async #kernel<T>(
    gradients: Gradients<T>,
    epoch: number,
    between: () => Promise<void>,
  ): Promise<Float64Array> {
    const known = this.#kernels.get(epoch);
    if (known) return known;
    gradients.set(this.#load(epoch).state);
    const { kernel } = await kernelOf(gradients, this.#examined, [], between);
    this.#kernels.set(epoch, kernel);
    return kernel;
  }

  async #linear<T>(
    gradients: Gradients<T>,
    epoch: number,
    first: number | undefined,
    between: () => Promise<void>,
  ): Promise<Pick<TrackedKernel, 'linearization_agreement'>> {
    if (!this.#settings.linearisation) return {};
    this.#start ??= { model: this.#load(first ?? epoch), outputs: undefined };
    const { model: start } = this.#start;
    this.#start.outputs ??= outputsOf(this.#backend, start, this.#examined);
    if (first === undefined) return { linearization_agreement: null };
    const now = this.#load(epoch);
    gradients.set(start.state);
    const [change] = await changesOf(
      gradients,
      this.#examined,
      [directionOf(start, now, this.#examined)],
      between,
    );
    const outputs = outputsOf(this.#backend, now, this.#examined);
    const from = { outputs: this.#start.outputs };
    return { linearization_agreement: linearEntry(outputs, from, change!, this.#examined) };
  }

  #load(epoch: number): LoadedModel {
    return loadModels(this.#run.directory, [model], epoch)[0]!;
  }

  #write(epoch: number, data: Float64Array): string {
    const { samples } = this.#settings;
    const name = `ntk_matrix_epoch_${epoch}_model_${model}.npy`;
    const values = Float64Array.from(data);
    writeNpy(join(this.#run.directory, name), { dtype: 'float64', shape: [samples, samples], data: values });
    return name;
  }
}
