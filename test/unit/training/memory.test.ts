/** Many trainings in one process, as in a worker: what they compile and upload is used again or given back. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { job } from '../../support/job.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-many-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** 400 digits: 7 steps an epoch, 203 in all, so that it is compiled; evaluated and saved at both ends. */
const small = [
  ...['num_models=2', 'dataset.val_split=0.95', 'training.num_epochs=29'],
  ...['training.val_every=29', 'training.save_every=29'],
];

/** Every second training is of one shape; those between are of eight, more than the programs that are kept. */
const widthOf = (n: number): number => (n % 2 === 0 ? 8 : 9 + ((n >> 1) % 8));

async function train(n: number): Promise<void> {
  const run = join(root, `run-${n}`);
  const overrides = [...small, `model.hidden_dim=${widthOf(n)}`, `seed=${n}`];
  const config = { ...loadTrainingConfig('standard-small', overrides) };
  const { execution } = await job<{ execution: { way: string } }>('train', { run, config });
  expect(execution.way).toBe('xla');
  rmSync(run, { recursive: true });
}

const residentMebibytes = (): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024;

it.runIf(process.platform === 'linux')(
  '30 trainings leave no tensor behind and no memory to speak of',
  { timeout: 600_000 },
  async () => {
    const backend = await loadBackend();
    expect(backend.name).toBe('tensorflow');
    for (let n = 0; n < 18; n++) await train(n);
    const before = { memory: residentMebibytes(), ...tensorCount(backend) };
    for (let n = 18; n < 30; n++) await train(n);
    expect(tensorCount(backend)).toEqual({ tensors: before.tensors });
    // One data set held once more by each training would be 25 MB, so 300 MB.
    expect(residentMebibytes() - before.memory).toBeLessThan(150);
  },
);
