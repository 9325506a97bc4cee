import type { JobEvent } from '../../src-shared/progress.ts';
import { CancelledError } from '../../src-shared/errors.ts';
import type { Backend } from './backend/index.ts';

/** Where partial results are kept. Whoever holds it also puts the whole result together. */
export interface PartKeeper {
  /** Which of these parts (complete params of each) are known already. Called once, with the whole plan. */
  known(plan: readonly object[]): Promise<boolean[]>;
  /** Hands over the partial result of part `index` of the plan; resolves when it has been taken. */
  keep(index: number, partial: unknown): Promise<void>;
}

/** What a compute function is given besides its params. It knows no engine, no catalog, no screen. */
export interface ComputeContext {
  /** Loads the tensor back end on first call; pure float64 jobs never call it. */
  backend(): Promise<Backend>;
  readonly signal: AbortSignal;
  /** Absent: nobody keeps parts, all are computed. */
  readonly parts?: PartKeeper | undefined;
  emit(event: JobEvent): void;
}

/** A compute function: complete params in, result out. Throws UserError for what the user can fix. */
export type Compute<Params, Result> = (params: Params, context: ComputeContext) => Promise<Result>;

/** Call this often: a cancelled job must end within a second. It yields to the event loop so that messages arrive. */
export async function checkpointCancel(context: ComputeContext): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  if (context.signal.aborted) throw new CancelledError();
}

/** Reports progress in even steps and estimates the time left from the pace so far. */
export class ProgressMeter {
  readonly #context: ComputeContext;
  readonly #total: number;
  readonly #before: number;
  readonly #started = performance.now();
  #done: number;
  #lastSent = 0;

  /** @param before units that were done earlier: they count as done, not as pace */
  constructor(context: ComputeContext, total: number, before = 0) {
    this.#context = context;
    this.#total = Math.max(total, 1);
    this.#before = before;
    this.#done = before;
  }

  get done(): number {
    return this.#done;
  }

  /** `units` more of the total are done. Sends at most ten messages a second. */
  advance(units: number, message: string): void {
    this.#done = Math.min(this.#done + units, this.#total);
    const now = performance.now();
    if (now - this.#lastSent < 100 && this.#done < this.#total) return;
    this.#lastSent = now;
    const fraction = this.#done / this.#total;
    const elapsed = (now - this.#started) / 1000;
    const progress = { fraction, message };
    const [fresh, left] = [this.#done - this.#before, this.#total - this.#done];
    const known = fresh > 0.01 * this.#total && elapsed > 0.5;
    this.#context.emit({
      type: 'progress',
      progress: known ? { ...progress, secondsLeft: (elapsed * left) / fresh } : progress,
    });
  }
}
