/** The reference's fixture runs as Basin's own values. */
import { join } from 'node:path';
import { readConfig, resolveChain } from '../../src-shared/config.ts';
import type { MlpSpec } from '../../src-shared/model.ts';
import { stateDictFromCheckpoint } from '../../src-main/compute/models/index.ts';
import type { StateDict } from '../../src-main/compute/models/index.ts';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { readYaml } from '../../src-main/formats/yaml.ts';
import { fixturePath } from './fixtures.ts';

export const referenceRuns = ['sym0', 'sym1_kappa0', 'sym1_kappa1', 'sym2', 'sym3_kappa1'] as const;

export function referenceSpec(run: string): MlpSpec {
  const file = fixturePath(`runs/${run}/config.yaml`);
  return resolveChain(readConfig(readYaml(file), file), file);
}

export function referenceState(run: string, epoch: number, model: number): StateDict {
  const file = fixturePath(join('runs', run, `checkpoint_epoch_${epoch}_model_${model}.pt`));
  const checkpoint = openCheckpoint(file);
  try {
    return stateDictFromCheckpoint(checkpoint.tensors, referenceSpec(run), file);
  } finally {
    checkpoint.close();
  }
}

/** Largest absolute difference; the lengths must agree. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths ${a.length} and ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
