import type { BackendInfo } from '../../../src-shared/domain.ts';
import type { Backend } from './types.ts';

/** What a result records of the back end that computed it. */
export function backendInfo({ name, version, device, threads, reason, precision }: Backend): BackendInfo {
  return {
    ...{ name, version, device, threads },
    ...(reason !== undefined && { reason }),
    ...(precision !== undefined && { precision }),
  };
}
