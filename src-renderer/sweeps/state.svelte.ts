/** Sweeps, kept current while somebody looks: the list of them, or one with its runs. */
import type { ResponseOf } from '../../src-shared/api.ts';
import type { SweepStanding } from '../../src-shared/sweep-requests.ts';
import { engine } from '../state/engine.svelte.ts';
import { emptyForm, type SweepForm } from './form.ts';

/** Milliseconds between two looks, at least: a sweep changes with every job of its runs. */
const pause = 1000;
/** A large sweep takes long to look at: the pause before the next look is at least this multiple of it. */
const rest = 8;

/** What a request says, asked again whenever sweeps or runs change. */
class Looked<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);
  readonly #ask: () => Promise<T>;
  #reading = false;
  #again = false;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  /** Many changes at once are one look. */
  async refresh(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    do {
      this.#again = false;
      const began = performance.now();
      try {
        this.value = await this.#ask();
        this.error = null;
      } catch (thrown) {
        this.error = thrown;
      }
      const wait = Math.max(pause, rest * (performance.now() - began));
      // What changes meanwhile is in the next look.
      await new Promise((resolve) => setTimeout(resolve, wait));
    } while (this.#again);
    this.#reading = false;
  }

  /** Until the returned function is called. */
  watch(): () => void {
    void this.refresh();
    return engine.listen(({ type }) => {
      if (type === 'sweeps-changed' || type === 'runs-changed' || type === 'results-changed')
        void this.refresh();
    });
  }
}

export const listOfSweeps = (): Looked<ResponseOf<'sweeps.list'>> =>
  new Looked(() => engine.call('sweeps.list', {}));

export const oneSweep = (name: string): Looked<SweepStanding> =>
  new Looked(() => engine.call('sweeps.get', { name }));

/** What was typed into the form: there again when somebody comes back to it. */
export const typed = $state<{ form: SweepForm }>({ form: emptyForm() });
