/** What setup left behind about the native library (`.cache/setup.json`): why it is absent, and what would fix that. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const schema = z.object({
  variant: z.enum(['cpu', 'gpu']),
  ok: z.boolean(),
  when: z.string(),
  kind: z.string().optional(),
  reason: z.string().optional(),
  fix: z.string().optional(),
});
export type SetupStatus = z.infer<typeof schema>;

/** Undefined when setup has never run here (or its file is unreadable, which another run mends). */
export function setupStatus(): SetupStatus | undefined {
  const path =
    process.env['BASIN_SETUP_STATUS'] ??
    fileURLToPath(new URL('../../../.cache/setup.json', import.meta.url));
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Why the native library is not there, and what to do: setup's own words where it left some. */
export function whyAbsent(): { reason: string; fix: string } {
  const status = setupStatus();
  if (status && !status.ok && status.reason) {
    return { reason: status.reason, fix: status.fix ?? 'npm run setup' };
  }
  if (isPackaged()) return { reason: 'this copy was packaged without native TensorFlow', fix: howToMend() };
  return { reason: 'the native TensorFlow has not been set up here', fix: howToMend() };
}

/** A packaged copy has no setup of its own. */
const isPackaged = () => !existsSync(fileURLToPath(new URL('../../../scripts/setup.mjs', import.meta.url)));

/** What puts the native library right. */
export function howToMend(option = ''): string {
  const setup = `npm run setup${option}`;
  return isPackaged() ? `build the package again in a clone in which "${setup}" succeeded` : setup;
}
