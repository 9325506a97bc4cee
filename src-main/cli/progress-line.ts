/** How far the work is: a bar that redraws itself on a terminal, a plain line now and then anywhere else. */
import type { Progress } from '../../src-shared/progress.ts';

export interface ProgressLine {
  update(progress: Progress): void;
  /** Wipes the bar, so that something else can be printed; the next update draws it again. */
  clear(): void;
  /** Ends the line, saying how long the work took. */
  finish(): void;
}

const redrawMs = 100;
const plainEveryMs = 5000;

/** `1 h 5 min`, `2 min 10 s`, `8 s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function describe(title: string, { fraction, message, secondsLeft }: Progress): string {
  const left = secondsLeft === undefined ? '' : ` · ${duration(secondsLeft)} left`;
  const percent = `${String(Math.floor(fraction * 100)).padStart(3)} %`;
  return `${percent}  ${title}${message === '' ? '' : ` · ${message}`}${left}`;
}

function bar(fraction: number, width: number): string {
  const eighths = Math.round(fraction * width * 8);
  const full = Math.floor(eighths / 8);
  const rest = eighths % 8;
  const part = rest === 0 ? '' : (' ▏▎▍▌▋▊▉'[rest] ?? '');
  return ('█'.repeat(full) + part).padEnd(width, '░').slice(0, width);
}

class TtyLine implements ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #title: string;
  #drawnAt = 0;

  constructor(stream: NodeJS.WriteStream, title: string) {
    this.#stream = stream;
    this.#title = title;
  }

  update(progress: Progress): void {
    const now = performance.now();
    if (now - this.#drawnAt < redrawMs && progress.fraction < 1) return;
    this.#drawnAt = now;
    const text = `${bar(progress.fraction, 24)} ${describe(this.#title, progress)}`;
    this.#stream.write(`\r\u001b[2K${text.slice(0, Math.max(20, this.#stream.columns - 1))}`);
  }

  clear(): void {
    if (this.#drawnAt > 0) this.#stream.write('\r\u001b[2K');
    this.#drawnAt = 0;
  }

  finish(): void {
    this.clear();
  }
}

class PlainLine implements ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #title: string;
  #printedAt = performance.now();

  constructor(stream: NodeJS.WriteStream, title: string) {
    this.#stream = stream;
    this.#title = title;
  }

  update(progress: Progress): void {
    const now = performance.now();
    if (now - this.#printedAt < plainEveryMs) return;
    this.#printedAt = now;
    this.#stream.write(`${describe(this.#title, progress)}\n`);
  }

  clear(): void {
    // Nothing to wipe: each line stands for itself.
  }

  finish(): void {
    // The command says what came out.
  }
}

export function createProgressLine(stream: NodeJS.WriteStream, title: string): ProgressLine {
  return stream.isTTY && process.env.TERM !== 'dumb'
    ? new TtyLine(stream, title)
    : new PlainLine(stream, title);
}
