/**
 * A process that does the fixed work of the device check and sends its numbers to its parent, `basin doctor --check-gpu`.
 * Its argument is the device that the parent means: on the other one the work is not done.
 */
import type { DeviceResult } from '../../src-shared/device-check.ts';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import { loadBackend } from '../compute/backend/index.ts';
import { deviceNumbers } from '../compute/device-check/numbers.ts';

async function resultOf(device: string | undefined): Promise<DeviceResult> {
  const backend = await loadBackend();
  if (backend.device === device) return { kind: 'numbers', numbers: await deviceNumbers(backend) };
  const { label, reason, fix } = backend;
  return {
    kind: 'elsewhere',
    label,
    ...(reason !== undefined && { reason }),
    ...(fix !== undefined && { fix }),
  };
}

function failure(thrown: unknown): DeviceResult {
  const hint = thrown instanceof UserError ? thrown.hint : undefined;
  return { kind: 'failed', message: messageOf(thrown), ...(hint !== undefined && { hint }) };
}

if (process.send === undefined) {
  process.stderr.write('`basin doctor --check-gpu` starts this process; do not run it directly.\n');
  process.exit(2);
}
process.on('disconnect', () => process.exit(0));
const message = await resultOf(process.argv[2]).catch(failure);
process.send(message, () => process.disconnect());
