/** Whether shown results still hold for the files that they were computed from: the engine decides, by contents. */
import { SvelteMap } from 'svelte/reactivity';
import type { Standing } from '../../src-shared/standing.ts';
import { engine } from './engine.svelte.ts';

/** Files change outside of Basin too: what is looked at is compared with them again after so many milliseconds. */
const lookAgainAfter = 10_000;

class Standings {
  readonly #known = new SvelteMap<string, Standing>();

  /** As last compared; undefined until it was. */
  of(resultId: string): Standing | undefined {
    return this.#known.get(resultId);
  }

  isOutdated(resultId: string): boolean {
    return this.of(resultId)?.state === 'outdated';
  }

  /** Asks the engine. A failure is told by whatever asked for the results themselves. */
  async check(resultIds: readonly string[]): Promise<void> {
    const ids = [...new Set(resultIds)].filter((id) => id !== '');
    if (ids.length === 0) return;
    const found = await engine.call('results.standing', { resultIds: ids }).catch(() => undefined);
    for (const [id, standing] of Object.entries(found ?? {})) {
      const before = this.#known.get(id);
      if (before?.state !== standing.state || before.reason !== standing.reason)
        this.#known.set(id, standing);
    }
  }

  /** Compares again when the window is looked at, and every few seconds meanwhile. Returns how to stop. */
  watch(): () => void {
    const look = (): void => {
      if (document.visibilityState === 'visible' && engine.status === 'ready') engine.filesVersion++;
    };
    const timer = setInterval(look, lookAgainAfter);
    window.addEventListener('focus', look);
    document.addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      window.removeEventListener('focus', look);
      document.removeEventListener('visibilitychange', look);
    };
  }
}

export const standings = new Standings();
