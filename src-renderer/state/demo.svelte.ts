/** The demo that was started in this window: how far it is, until its figure is whole. */
import { z } from 'zod';
import { demoFamilies } from '../../src-shared/demo.ts';
import { engine } from './engine.svelte.ts';

const storageKey = 'basin.demo';

function stored(): string[] {
  try {
    return z.array(z.string()).parse(JSON.parse(sessionStorage.getItem(storageKey) ?? '[]'));
  } catch {
    return [];
  }
}

const isActive = (state: string): boolean => state === 'queued' || state === 'running';

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
      const training = trainings.filter(({ state }) => isActive(state)).length;
      const measuring = engine.jobs.some(({ kind, state }) => kind === 'interpolate' && isActive(state));
      if (trainings.length === 0 || (training === 0 && !measuring)) return undefined;
      const families = demoFamilies.length;
      return { trained: families - training, families, measuring };
    },
  );
}

export const demo = new Demo();
