/** Loss and accuracy of the models of a training on images that they are not trained on. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import type { Examples } from '../data/index.ts';
import { acting } from '../networks/effective.ts';
import { graphPlan } from '../networks/evaluation-plan.ts';
import { Evaluation, rowsPerCall } from '../networks/evaluation.ts';
import { evaluationWay } from '../networks/execution.ts';
import { mathsOf } from '../networks/maths.ts';
import type { Scores } from '../networks/scores.ts';
import type { TrainingSession } from './session.ts';

export class HeldOut {
  /** How it is computed, by the work of the whole training. */
  readonly execution: ReturnType<typeof evaluationWay>;
  readonly #backend: Backend;
  readonly #network: Network;
  readonly #models: number;
  #evaluation: Evaluation | undefined;

  /** @param passes examples that each model is evaluated on, in the whole training */
  constructor(backend: Backend, { network, models }: TrainingSession, passes: number) {
    this.#backend = backend;
    this.#network = network;
    this.#models = models;
    this.execution = evaluationWay(backend, network, passes * models);
  }

  /** The next evaluation compiles first, which takes about a second. */
  get compilesNext(): boolean {
    return this.execution.way !== 'eager' && !this.#evaluation;
  }

  /** @param between called between passes; throw there to stop @returns exact means, per model */
  async scores(session: TrainingSession, examples: Examples, between: () => Promise<void>): Promise<Scores> {
    const { tf } = this.#backend;
    const { stored, fixed } = session.tensors();
    try {
      const acts = tf.tidy(() => {
        const all = acting(mathsOf(this.#backend), stored, fixed);
        return Object.fromEntries([...all].map(([name, tensor]) => [name, tensor.clone()]));
      });
      this.#load(acts, examples);
      tf.dispose(acts);
    } finally {
      tf.dispose([...stored.values()]);
      for (const { offset, mask } of fixed.values())
        tf.dispose([offset, mask].filter((tensor) => tensor !== undefined));
    }
    return this.#evaluation!.scores(examples, between);
  }

  #load(acts: Record<string, Tensor>, examples: Examples): void {
    this.#evaluation ??= new Evaluation(this.#backend, {
      ...{ network: this.#network, count: this.#models, way: this.execution.way },
      rows: rowsPerCall(this.#network, this.#models, this.execution.way),
      ...graphPlan(examples),
      shared: new Set(Object.keys(acts).filter((name) => acts[name]!.shape[0] === 1 && this.#models > 1)),
    });
    for (const name of this.#evaluation.parameters) this.#evaluation.setParameter(name, acts[name]!);
  }

  dispose(): void {
    this.#evaluation?.dispose();
  }
}
