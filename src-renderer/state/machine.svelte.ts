/** What the engine's machine computes with: asked when the dialog opens, by a job like any other. */
import { UserError } from '../../src-shared/errors.ts';
import { diagnose } from '../../src-shared/jobs/diagnose.ts';
import { machineFindings } from '../../src-shared/machine.ts';
import type { Finding } from '../../src-shared/machine.ts';
import { engine } from './engine.svelte.ts';

class Machine {
  /** The dialog is open. */
  open = $state(false);
  findings = $state.raw<Finding[] | null>(null);
  error = $state.raw<unknown>(null);
  #asking = false;

  show(): void {
    this.open = true;
    void this.ask();
  }

  async ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    [this.findings, this.error] = [null, null];
    try {
      this.findings = machineFindings(await diagnosis());
    } catch (thrown) {
      this.error = thrown;
    } finally {
      this.#asking = false;
    }
  }
}

async function diagnosis() {
  const job = await engine.call('jobs.submit', { kind: 'diagnose', params: {} });
  const { state, error, hint, resultId } = await engine.finished(job);
  if (state !== 'done' || resultId === null)
    throw new UserError(error ?? `The job ended as "${state}".`, hint === null ? {} : { hint });
  const { data } = await engine.call('results.get', { resultId });
  return diagnose.result.parse(data);
}

export const machine = new Machine();
