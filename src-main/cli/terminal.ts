/**
 * The two streams of a command. Results go to stdout, everything else to stderr. With `--json` exactly one document
 * reaches stdout: whatever else writes there (a library, a forgotten print) is sent to stderr instead.
 */
import { mapMatrices, toRows } from '../../src-shared/matrix.ts';
import { createProgressLine, type ProgressLine } from './progress-line.ts';

export interface Terminal {
  readonly json: boolean;
  readonly debug: boolean;
  /** Columns of the terminal on stdout; 100 where it is none. */
  readonly width: number;
  readonly style: Style;
  /** A result for people, one line or many; not shown with `--json`. */
  print(text: string): void;
  /** The one document of `--json`; ignored without it. */
  document(value: unknown): void;
  /** A message about what is going on. */
  note(text: string): void;
  progress(title: string): ProgressLine;
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

function styleFor(stream: NodeJS.WriteStream): Style {
  const coloured = stream.isTTY && process.env.NO_COLOR === undefined && process.env.TERM !== 'dumb';
  const wrap = (code: number, end: number) => (text: string) =>
    coloured ? `\u001b[${code}m${text}\u001b[${end}m` : text;
  return { bold: wrap(1, 22), dim: wrap(2, 22), good: wrap(32, 39), bad: wrap(31, 39) };
}

/** JSON as `--json` prints it: matrices and typed arrays as plain arrays; a number that is not finite is null. */
export function jsonText(value: unknown, space?: number): string {
  const plain = mapMatrices(value, toRows);
  return JSON.stringify(
    plain,
    (_key, item: unknown) =>
      ArrayBuffer.isView(item) && !(item instanceof DataView)
        ? Array.from(item as unknown as ArrayLike<number>)
        : item,
    space,
  );
}

export function createTerminal(options: { json: boolean; debug: boolean }): Terminal {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  if (options.json) stdout.write = stderr.write.bind(stderr);
  // `basin runs | head` closes the pipe early: nobody reads any more, and that is no failure.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  let current: ProgressLine | undefined;
  let printed = false;
  return {
    ...options,
    width: stdout.isTTY ? stdout.columns : 100,
    style: styleFor(stdout),
    print(text) {
      current?.clear();
      if (!options.json) write(`${text}\n`);
    },
    document(value) {
      if (!options.json) return;
      if (printed) throw new Error('a second JSON document was about to be printed');
      printed = true;
      write(`${jsonText(value, stdout.isTTY ? 2 : undefined)}\n`);
    },
    note(text) {
      current?.clear();
      stderr.write(`${text}\n`);
    },
    progress(title) {
      current = createProgressLine(stderr, title);
      return current;
    },
  };
}
