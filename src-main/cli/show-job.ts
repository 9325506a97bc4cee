import type { JobListener } from './job.ts';
import type { Terminal } from './terminal.ts';

/** Shows a job's progress and log lines; `finish` wipes the bar. */
export function listenerFor(
  terminal: Terminal,
  title: string,
): { listener: JobListener; finish: () => void } {
  const line = terminal.progress(title);
  return {
    listener: {
      progress: (progress) => {
        line.update(progress);
      },
      log: (text) => {
        terminal.note(text);
      },
    },
    finish: () => {
      line.finish();
    },
  };
}
