/** The served page's way back to its engine: whether it responds again, and whether it still knows this browser. */
import { engine } from './engine.svelte.ts';

/** `in`: reconnecting will work. `expired`: a new address is needed. `refused`: wrong host name. `away`: no response. */
type Access = 'in' | 'expired' | 'refused' | 'away';

const longestPause = 10_000;

/** A refused WebSocket does not say why; the page's own address does. */
async function requestAccess(query = ''): Promise<Access> {
  try {
    const { ok, status } = await fetch(`./${query}`, { cache: 'no-store' });
    if (ok) return 'in';
    return status === 401 ? 'expired' : 'refused';
  } catch {
    return 'away';
  }
}

class Reconnection {
  /** As found last; null until it was looked at. */
  access = $state<Access | null>(null);
  /** A person asked and is waiting. */
  busy = $state(false);
  /** What the last attempt of a person came to, if it failed. */
  outcome = $state('');

  /** Knocks until it is let in, more and more seldom. Returns how to stop. */
  watch(): () => void {
    let timer: ReturnType<typeof setTimeout>;
    let stopped = false;
    const again = async (pause: number): Promise<void> => {
      const access = await requestAccess();
      if (stopped) return;
      this.access = access;
      if (access === 'in') return engine.open();
      timer = setTimeout(() => void again(Math.min(longestPause, 2 * pause)), pause);
    };
    void again(1000);
    return () => {
      stopped = true;
      clearTimeout(timer);
      this.access = null;
      this.outcome = '';
    };
  }

  /** The button: says what it found. */
  async now(): Promise<void> {
    await this.#try(async () => {
      this.access = await requestAccess();
      if (this.access === 'in') return engine.open();
      this.outcome = {
        expired: 'Basin is running, but your session has expired.',
        refused: `Basin is running, but does not accept the host name ${window.location.hostname}.`,
        away: `Nothing answers at ${window.location.host} yet.`,
      }[this.access];
    });
  }

  /** Enters with an address that was printed: its token counts, whatever host and port a tunnel gives it. */
  async enter(address: string): Promise<void> {
    const token = /[?&]token=([\w-]+)/.exec(address)?.[1];
    if (token === undefined) {
      this.outcome = 'This is not a Basin address: it must contain ?token=…';
      return;
    }
    await this.#try(async () => {
      const access = await requestAccess(`?token=${token}`);
      if (access === 'in') return engine.open();
      this.access = access;
      this.outcome =
        access === 'away'
          ? `Nothing answers at ${window.location.host}.`
          : 'This address was already used, or belongs to another workspace.';
    });
  }

  async #try(attempt: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.outcome = '';
    try {
      await attempt();
    } finally {
      this.busy = false;
    }
  }
}

export const reconnection = new Reconnection();
