/** The demo that was started in this window: how far it is, until its figure is whole. */
import { z } from 'zod';
import { isActive } from '../../src-shared/api.ts';
import { demoFamilies } from '../../src-shared/demo.ts';
import { runOf } from '../training/jobs.ts';
import { engine } from './engine.svelte.ts';

const storageKey = 'basin.demo';

function stored(): string[] {
  try {
    return z.array(z.string()).parse(JSON.parse(sessionStorage.getItem(storageKey) ?? '[]'));
  } catch {
    return [];
  }
}

class Demo {
  /** Its jobs of training. */
  #jobIds = $state.raw<string[]>(stored());

  begin(jobIds: string[]): void {
    this.#jobIds = jobIds;
    try {
      sessionStorage.setItem(storageKey, JSON.stringify(jobIds));
    } catch {
      // Only a reload would forget it.
    }
  }

  /** Undefined if it was not started here, has ended, or was cancelled. */
  readonly progress = $derived.by<{ trained: number; families: number; measuring: boolean } | undefined>(
    () => {
      const trainings = engine.jobs.filter(({ id }) => this.#jobIds.includes(id));
      const training = trainings.filter(isActive).length;
      const names = new Set(trainings.map(runOf));
      const measuring = engine.jobs.some(
        (job) => job.kind === 'interpolate' && isActive(job) && names.has(runOf(job)),
      );
      if (trainings.length === 0 || (training === 0 && !measuring)) return undefined;
      const families = demoFamilies.length;
      const trained = trainings.filter(({ state }) => state === 'done').length;
      return { trained: families - trainings.length + trained, families, measuring };
    },
  );
}

export const demo = new Demo();
