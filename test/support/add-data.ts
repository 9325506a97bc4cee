/** For tests of `add-data`: a folder for files, a home for data sets, and how one is refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, vi } from 'vitest';
import { dataHomeVariable } from '../../src-main/formats/data-registry.ts';
import { encodeNpy } from '../../src-main/formats/npy.ts';
import type { TensorValue } from '../../src-main/formats/tensor.ts';
import { UserError } from '../../src-shared/errors.ts';
import type { JobResult } from '../../src-shared/jobs/index.ts';
import { job } from './job.ts';

export const root = mkdtempSync(join(tmpdir(), 'basin-add-'));
export const home = join(root, 'data');
vi.stubEnv(dataHomeVariable, home);
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

let made = 0;
/** A path in the folder that nothing has. */
export const fresh = (name: string): string => join(root, `${++made}-${name}`);

export function npy(dtype: TensorValue['dtype'], shape: number[], data: TensorValue['data']): string {
  const path = fresh('a.npy');
  writeFileSync(path, encodeNpy({ dtype, shape, data }));
  return path;
}

export function text(name: string, content: string): string {
  const path = fresh(name);
  writeFileSync(path, content);
  return path;
}

export const name = (): string => `set-${++made}`;
export const add = (params: object): Promise<JobResult<'add-data'>> => job('add-data', params);

/** The message with which these params are refused, and its hint. */
export async function refusal(params: object): Promise<string> {
  try {
    await add({ name: name(), ...params });
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(UserError);
    const { message, hint } = thrown as UserError;
    return `${message} ${hint ?? ''}`;
  }
  throw new Error('it was accepted');
}
