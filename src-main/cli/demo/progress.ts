/** One bar for a work of several jobs: each job has its share, and the time left is that of the whole. */
import type { Progress } from '../../../src-shared/progress.ts';
import type { JobListener } from '../job.ts';
import type { Terminal } from '../terminal.ts';

export interface WholeProgress {
  /** A listener for the next job, which is `share` of the whole. */
  step(message: string, share: number): JobListener;
  finish(): void;
}

export function wholeProgress(terminal: Terminal, title: string): WholeProgress {
  const line = terminal.progress(title);
  const started = performance.now();
  let before = 0;
  let current = 0;
  const update = (message: string, fraction: number): void => {
    const whole = Math.min(1, before + current * fraction);
    const elapsed = (performance.now() - started) / 1000;
    const known = whole > 0.02 && elapsed > 2;
    const progress: Progress = { fraction: whole, message };
    line.update(known ? { ...progress, secondsLeft: (elapsed * (1 - whole)) / whole } : progress);
  };
  return {
    step(message, share) {
      before = Math.min(1, before + current);
      current = share;
      update(message, 0);
      return {
        progress: ({ fraction }) => {
          update(message, fraction);
        },
      };
    },
    finish() {
      line.finish();
    },
  };
}
