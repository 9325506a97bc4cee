/** Why a worker process ended before its job did, as a sentence. */
import { formatBytes } from './memory.ts';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last of what it wrote to stderr. */
  stderr: string;
  /** Set when the engine itself ended it because it grew beyond `memoryLimit`. */
  overLimit: boolean;
  memoryLimit: number;
  /** Largest resident size seen, in bytes; 0 where unknown. */
  peak: number;
  /** The kernel counted another out-of-memory kill while it lived. */
  kernelKill: boolean;
  /** It ended before it could take a job. */
  starting: boolean;
}

export interface Death {
  /** `memory`: it wanted too much. `crash`: native code failed. `killed`: from outside. `exit`: it left by itself. */
  cause: 'memory' | 'crash' | 'killed' | 'exit' | 'start';
  message: string;
  hint: string;
}

const smaller =
  'Request less at once (fewer models, a smaller network, fewer samples), or give workers more memory.';
const crashSignals: readonly string[] = ['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGABRT', 'SIGTRAP'];

export function explainDeath(exit: Exit): Death {
  const limit = formatBytes(exit.memoryLimit);
  const seen = exit.peak > 0 ? ` (it had reached ${formatBytes(exit.peak)})` : '';
  if (exit.overLimit) {
    const message = `The job used more memory than a worker may have: ${formatBytes(exit.peak)}, the limit is ${limit}. Its worker was stopped; nothing else was affected.`;
    return { cause: 'memory', message, hint: smaller };
  }
  if (/heap out of memory|Reached heap limit|invalid array length Allocation failed/i.test(exit.stderr)) {
    const message = `The job ran out of memory: its worker's heap is limited to ${limit}. Nothing else was affected.`;
    return { cause: 'memory', message, hint: smaller };
  }
  if (exit.signal === 'SIGKILL' && exit.kernelKill) {
    const message = `The operating system killed the job because the machine ran out of memory${seen}. Nothing else was affected.`;
    return { cause: 'memory', message, hint: smaller };
  }
  if (exit.signal === 'SIGKILL' || exit.signal === 'SIGTERM' || exit.signal === 'SIGINT') {
    const message = `The job's worker process was killed by another process (${exit.signal})${seen}.`;
    const hint = 'If this was not intended, the machine may have run out of memory. Retry the job.';
    return { cause: 'killed', message, hint };
  }
  const last = lastLine(exit.stderr);
  const said = last === '' ? '' : ` Its output: ${last}`;
  if (exit.starting) {
    const message = `The worker process could not start (${how(exit)}).${said}`;
    return { cause: 'start', message, hint: 'Run `basin doctor` to see what is missing.' };
  }
  if (exit.signal !== null && crashSignals.includes(exit.signal)) {
    const message = `The job's worker process crashed in native code (${exit.signal}).${said}`;
    return { cause: 'crash', message, hint: 'Retry the job; run `basin doctor` if it happens again.' };
  }
  const message = `The job's worker process ended without a result (${how(exit)}).${said}`;
  return { cause: 'exit', message, hint: "Retry the job; the job's log has the worker's last output." };
}

function how(exit: Exit): string {
  return exit.signal === null ? `exit code ${exit.code ?? 'unknown'}` : exit.signal;
}

/** The most telling line: the thrown error where there is one, else the last. */
function lastLine(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('at ') && !line.startsWith('Node.js v'));
  return (lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? '').slice(0, 300);
}
