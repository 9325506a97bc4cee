/**
 * One process at a time works on a job, on whatever machine: Slurm may start a task again whose first process it can no
 * longer see. The claim is a file that its holder writes anew every few seconds; one whose holder has been silent for
 * long, or shortly and is seen to be dead, is taken over. Clocks of machines are never compared.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, rmSync, writeFileSync, renameSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { readText } from '../folders.ts';
import { CancelledError } from '../../../src-shared/errors.ts';
import { bootId, isAlive, processStart } from '../store/lock.ts';

const claimSchema = z.object({
  token: z.string(),
  host: z.string(),
  boot: z.string(),
  pid: z.int(),
  start: z.string(),
  beat: z.int(),
});
type Holder = z.infer<typeof claimSchema>;

export interface Times {
  /** Milliseconds between two signs of life. */
  beat: number;
  /** A holder on another machine that gives no sign for so long is taken for dead. */
  silence: number;
  /** Between two looks at a claim that is held. */
  look: number;
}

/** Network file systems may show a file as it was up to a minute ago. */
const times: Times = { beat: 5000, silence: 90_000, look: 500 };
/** After taking over: another process may have done so in the same moment; the last one has it. */
const settle = 300;

export interface Claim {
  /** Aborted when another process has taken over: this one was taken for dead. */
  readonly lost: AbortSignal;
  /** Still this process's? */
  isHeld(): boolean;
  release(): void;
}

/**
 * Waits until nobody else works on the job.
 * @param isOver what the other one did may have made the wait needless
 * @returns undefined if `isOver` said so
 * @throws CancelledError
 */
export async function takeClaim(
  path: string,
  signal: AbortSignal,
  isOver: () => boolean,
  given: Partial<Times> = {},
): Promise<Claim | undefined> {
  const { beat, silence, look } = { ...times, ...given };
  const own: Holder = {
    ...{ token: randomBytes(8).toString('hex'), host: hostname(), boot: bootId() },
    ...{ pid: process.pid, start: processStart(process.pid), beat: 0 },
  };
  let seen = '';
  let changed = performance.now();
  for (;;) {
    if (signal.aborted) throw new CancelledError();
    if (isOver()) return undefined;
    if (create(path, own)) return held(path, own, beat);
    const text = readText(path);
    if (text !== seen) {
      seen = text;
      changed = performance.now();
    }
    const holder = parse(text);
    const quiet = performance.now() - changed;
    // A process that cannot be seen may be in a container: then it still writes.
    const isGone = holder?.host === own.host ? isDead(holder) && quiet > 2 * beat : quiet > silence;
    if (text !== '' && isGone) {
      write(path, own);
      await pause(settle);
      if (parse(readText(path))?.token === own.token) return held(path, own, beat);
    }
    await pause(look, undefined, { signal }).catch(() => undefined);
  }
}

/** Of this machine. */
function isDead({ boot, pid, start }: Holder): boolean {
  return (boot !== '' && boot !== bootId()) || !isAlive(pid, start);
}

function held(path: string, own: Holder, beat: number): Claim {
  const lost = new AbortController();
  const isHeld = (): boolean => parse(readText(path))?.token === own.token;
  const timer = setInterval(() => {
    if (!isHeld()) {
      clearInterval(timer);
      lost.abort();
      return;
    }
    own.beat++;
    write(path, own);
  }, beat);
  return {
    lost: lost.signal,
    isHeld,
    release() {
      clearInterval(timer);
      if (isHeld()) rmSync(path, { force: true });
    },
  };
}

const temporaryOf = (path: string, { token }: Holder): string => `${path}.${token}.tmp`;

/** A complete file under its name, or none. */
function create(path: string, own: Holder): boolean {
  const temporary = temporaryOf(path, own);
  writeFileSync(temporary, JSON.stringify(own));
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function write(path: string, own: Holder): void {
  const temporary = temporaryOf(path, own);
  writeFileSync(temporary, JSON.stringify(own));
  renameSync(temporary, path);
}

function parse(text: string): Holder | undefined {
  try {
    return claimSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
