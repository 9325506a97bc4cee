/** Short messages at the edge of the window, and the sentences that screen readers hear. */
import { messageOf, UserError } from '../../src-shared/errors.ts';

export interface Notice {
  id: number;
  tone: 'info' | 'success' | 'error';
  text: string;
  hint?: string;
  /** What the text sums up, one line each; shown on request. */
  details?: readonly string[];
  action?: { label: string; run: () => void };
}

/** Messages that pass by themselves: at most so many at once, the newest. */
const passingAtOnce = 3;
/** Errors that are kept until they are dismissed. */
const errorsKept = 20;

class Notices {
  list = $state.raw<Notice[]>([]);
  /** They stay until they are dismissed, the newest first; an error that comes again is shown once. */
  readonly errors = $derived(this.list.filter(({ tone }) => tone === 'error').toReversed());
  readonly passing = $derived(this.list.filter(({ tone }) => tone !== 'error'));
  /** The latest announcement for assistive technology. */
  announcement = $state('');
  #nextId = 1;
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();

  show(notice: Omit<Notice, 'id'>, seconds = 6): void {
    const id = this.#nextId++;
    const isError = notice.tone === 'error';
    const others = this.list.filter(
      ({ tone, text, hint }) => !isError || tone !== 'error' || text !== notice.text || hint !== notice.hint,
    );
    const list = [...others, { ...notice, id }];
    const kept = new Set([
      ...list.filter(({ tone }) => tone === 'error').slice(-errorsKept),
      ...list.filter(({ tone }) => tone !== 'error').slice(-passingAtOnce),
    ]);
    this.list = list.filter((each) => kept.has(each));
    this.announce(notice.text);
    if (!isError) this.#passLater(id, seconds);
  }

  info(text: string, action?: Notice['action']): void {
    this.show(action ? { tone: 'info', text, action } : { tone: 'info', text });
  }

  success(text: string, action?: Notice['action']): void {
    this.show(action ? { tone: 'success', text, action } : { tone: 'success', text });
  }

  error(thrown: unknown): void {
    const hint = thrown instanceof UserError ? thrown.hint : undefined;
    this.show(
      hint === undefined
        ? { tone: 'error', text: messageOf(thrown) }
        : { tone: 'error', text: messageOf(thrown), hint },
    );
  }

  dismiss(id: number): void {
    this.#stay(id);
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  dismissErrors(): void {
    this.list = this.passing;
  }

  /** While somebody reads one, it does not pass. */
  reading(id: number, isRead: boolean): void {
    if (isRead) this.#stay(id);
    else this.#passLater(id, 4);
  }

  announce(text: string): void {
    this.announcement = text;
  }

  #passLater(id: number, seconds: number): void {
    this.#stay(id);
    this.#timers.set(
      id,
      setTimeout(() => this.dismiss(id), seconds * 1000),
    );
  }

  #stay(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }
}

export const notices = new Notices();
