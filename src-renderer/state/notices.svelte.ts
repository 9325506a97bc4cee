/** Short messages at the edge of the window, and the sentences that screen readers hear. */
import { messageOf, UserError } from '../../src-shared/errors.ts';

export interface Notice {
  id: number;
  tone: 'info' | 'success' | 'error';
  text: string;
  hint?: string;
  action?: { label: string; run: () => void };
}

class Notices {
  list = $state.raw<Notice[]>([]);
  /** The latest announcement for assistive technology. */
  announcement = $state('');
  #nextId = 1;

  show(notice: Omit<Notice, 'id'>, seconds = 6): void {
    const id = this.#nextId++;
    this.list = [...this.list.slice(-3), { ...notice, id }];
    this.announce(notice.text);
    // An error stays until it is dismissed.
    if (notice.tone !== 'error') setTimeout(() => this.dismiss(id), seconds * 1000);
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
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  announce(text: string): void {
    this.announcement = text;
  }
}

export const notices = new Notices();
