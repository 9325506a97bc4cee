/** What results say of runs (test accuracy, barriers), kept current: read once for all runs, again when results change. */
import type { RunMeasures } from '../../src-shared/run-measures.ts';
import { engine } from './engine.svelte.ts';

/** Milliseconds between two looks. */
const pause = 1500;

class Measures {
  /** The engine has said it once. */
  known = $state(false);
  #byRun = $state.raw<ReadonlyMap<string, RunMeasures>>(new Map());
  #reading = false;
  #again = false;

  of(runId: string): RunMeasures | undefined {
    return this.#byRun.get(runId);
  }

  /** The results that the numbers of a run are from. */
  resultsOf(runId: string): string[] {
    const of = this.of(runId);
    return [of?.test, of?.unaligned, of?.aligned].flatMap((each) => (each ? [each.resultId] : []));
  }

  /** Many changes at once are one look. A failure is told by whatever asks for the results themselves. */
  async refresh(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    do {
      this.#again = false;
      const found = await engine.call('runs.measures', {}).catch(() => undefined);
      if (found) {
        this.#byRun = new Map(found.map((each) => [each.runId, each]));
        this.known = true;
      }
      // Many jobs that end one after the other are one look.
      if (this.#again) await new Promise((resolve) => setTimeout(resolve, pause));
    } while (this.#again);
    this.#reading = false;
  }
}

export const measures = new Measures();
