/** How long a training step took on this machine, from the results of the trainings that were done here. */
import { z } from 'zod';
import { isGnn } from '../../src-shared/config.ts';
import type { ResultStore } from './results.ts';

export interface StepTime {
  /** Trainable numbers of one model. */
  parameters: number;
  batchSize: number;
  /** Per model and step. */
  seconds: number;
}

const dataSchema = z.object({ parameters: z.number().positive(), ms_per_model_step: z.number().positive() });
const paramsSchema = z.object({
  config: z.object({
    model: z.record(z.string(), z.unknown()).nullish(),
    dataset: z.object({ batch_size: z.number().positive() }),
  }),
});
/** Newest trainings that are looked at. */
const looked = 30;
/** A step of a network that differs by more than this in size says nothing about this one. */
const similar = 1.6;

export class StepTimes {
  readonly #results: ResultStore;
  readonly #known = new Map<string, StepTime | null>();

  constructor(results: ResultStore) {
    this.#results = results;
  }

  /** Seconds per model and step for a network and batch of this size; null until one like it was trained here. */
  estimate(parameters: number, batchSize: number): number | null {
    const measured = this.#measured().filter(
      (time) => time.batchSize === batchSize && ratio(time.parameters, parameters) <= similar,
    );
    const nearest = measured.toSorted(
      (a, b) => ratio(a.parameters, parameters) - ratio(b.parameters, parameters),
    )[0];
    return nearest ? (nearest.seconds * parameters) / nearest.parameters : null;
  }

  #measured(): StepTime[] {
    const rows = this.#results.list('train').slice(0, looked);
    return rows.flatMap(({ id }) => {
      const known = this.#known.get(id);
      const time = known === undefined ? this.#read(id) : known;
      this.#known.set(id, time);
      return time ?? [];
    });
  }

  #read(id: string): StepTime | null {
    try {
      const file = this.#results.read(id);
      const { parameters, ms_per_model_step } = dataSchema.parse(file.data);
      const { config } = paramsSchema.parse(file.params);
      // A step over a graph takes what the graph takes.
      if (isGnn(config.model ?? {})) return null;
      return { parameters, batchSize: config.dataset.batch_size, seconds: ms_per_model_step / 1000 };
    } catch {
      // A resumed run has no config in its params, a damaged file tells nothing: others will.
      return null;
    }
  }
}

const ratio = (a: number, b: number): number => Math.max(a / b, b / a);
