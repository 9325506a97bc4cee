/** Every kind that is measured in parts: what a resumed job puts together is, bit for bit, what an undisturbed one gives. */
import { expect, test } from 'vitest';
import type { PartKeeper } from '../../../src-main/compute/context.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { Backend } from '../../../src-main/compute/backend/index.ts';
import { runJob } from '../../../src-main/worker/run-job.ts';
import type { AnyJobKind } from '../../../src-shared/jobs/index.ts';
import { jobKindNamed, jobKinds } from '../../../src-shared/jobs/index.ts';
import type { JobEvent } from '../../../src-shared/progress.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { goldenData } from '../../support/job.ts';

let backend: Promise<Backend> | undefined;

/** Keeps partial results under their params, as the engine does under params and contents. */
class Keeper implements PartKeeper {
  readonly kept = new Map<string, unknown>();
  computed: number[] = [];
  #plan: readonly object[] = [];

  known(plan: readonly object[]): Promise<boolean[]> {
    this.#plan = plan;
    this.computed = [];
    return Promise.resolve(plan.map((part) => this.kept.has(JSON.stringify(part))));
  }

  keep(index: number, partial: unknown): Promise<void> {
    this.computed.push(index);
    this.kept.set(JSON.stringify(this.#plan[index]), partial);
    return Promise.resolve();
  }

  partials(): unknown[] {
    return this.#plan.map((part) => this.kept.get(JSON.stringify(part)));
  }

  forget(index: number): void {
    this.kept.delete(JSON.stringify(this.#plan[index]));
  }
}

async function ask(
  kind: string,
  params: object,
  parts?: PartKeeper,
): Promise<{ result: unknown; events: JobEvent[] }> {
  backend ??= loadBackend();
  const events: JobEvent[] = [];
  const result = await runJob(
    { kind, params },
    {
      backend: () => backend!,
      signal: new AbortController().signal,
      emit: (event) => events.push(event),
      parts,
    },
  );
  return { result, events };
}

const data = goldenData();
const run = fixtureRun('sym1_kappa1');
const models = [1, 2];
const layers = ['lins.1'];
const questions: Record<string, object> = {
  'realization-cost': { run, models, epoch: [1, 5], data },
  'permutation-sensitivity': { run, models, epoch: [1, 5], layers, randomCount: 3, data },
  'subspace-coherence': { run, models, epoch: [1, 5], data },
  'realization-cost-ridge': {
    run,
    models,
    epoch: [1, 5],
    layers,
    numNeurons: 3,
    iterations: 5,
    samples: 50,
    data,
  },
  'function-classes': {
    run,
    models,
    epoch: [1, 5],
    layers,
    numNeurons: 3,
    outerSamples: 2,
    iterations: 3,
    samples: 50,
    data,
  },
  interpolate: { run, models, epochs: [0, 1, 5], splits: ['val'], steps: 2, data },
  similarity: { run, models, epochs: [0, 1, 5], splits: ['val'], data },
  'activation-patterns': { run, models, epochs: [0, 1, 5], split: 'val', data },
  'match-activations': { run, models, epochs: [0, 1, 5], randomCount: 3, data },
};

test('the kinds about many checkpoints are those that are measured in parts', () => {
  const parted = Object.values<AnyJobKind>(jobKinds).filter(({ parts }) => parts);
  expect(parted.map(({ kind }) => kind).sort()).toEqual(Object.keys(questions).sort());
});

test.each(Object.entries(questions))('%s', { timeout: 120_000 }, async (name, params) => {
  const kind = jobKindNamed(name);
  const whole = await ask(name, params);
  const keeper = new Keeper();
  const first = await ask(name, params, keeper);
  expect(first.result).toBeNull();
  const count = keeper.computed.length;
  expect(count).toBeGreaterThan(2);
  const join = (): unknown => kind.parts!.join(kind.params.parse(params), keeper.partials());
  expect(join()).toEqual(whole.result);
  // Gone on with after the first part: the middle one is computed without what came before it in memory.
  for (const index of [1, 2]) keeper.forget(index);
  const resumed = await ask(name, params, keeper);
  expect(keeper.computed).toEqual([1, 2]);
  expect(join()).toEqual(whole.result);
  expect(kind.result.safeParse(join()).success).toBe(true);
  const log = resumed.events.flatMap((event) => (event.type === 'log' ? [event.line] : []));
  const told = log.filter((line) => line.includes('already measured'));
  expect(told.join()).toMatch(new RegExp(`^${count - 2} of ${count} .* already measured\\.$`));
  const shares = resumed.events.flatMap((event) =>
    event.type === 'progress' ? [event.progress.fraction] : [],
  );
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares[0]).toBeGreaterThanOrEqual((count - 2) / count);
  expect(shares.at(-1)).toBeCloseTo(1, 9);
});

test('a checkpoint that is not there is named before anything is computed', async () => {
  const keeper = new Keeper();
  await expect(ask('subspace-coherence', { run, models: [1, 9], epoch: 5, data }, keeper)).rejects.toThrow(
    /there is no model 9; the run has models 1/,
  );
  expect(keeper.computed).toEqual([]);
});
