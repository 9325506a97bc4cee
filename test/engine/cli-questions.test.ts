/** Which questions a group with single checkpoints stands for, by what the kind takes. */
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { flagsOf } from '../../src-main/cli/flags.ts';
import { questionsOf } from '../../src-main/cli/questions.ts';
import { reachOf, withReach } from '../../src-main/cli/reach.ts';
import type { Asked } from '../../src-main/cli/reach.ts';
import type { AnyJobKind } from '../../src-shared/jobs/index.ts';
import { jobKinds } from '../../src-shared/jobs/index.ts';
import type { Client } from '../../src-shared/rpc.ts';
import { fixtureRun } from '../support/fixtures.ts';

const folders = { a: fixtureRun('sym0'), b: fixtureRun('sym1_kappa1') };
const member = (run: string, ...places: string[]) => ({
  runId: run,
  checkpointIds: places.map((place) => `${run}/${place}`),
});
const groups = [{ id: '1', architecture: 'mlp', key: 'singles', colour: '#000000', notes: '' }].map(
  (group) => ({
    ...group,
    members: [member('a', 'e0m1', 'e5m1', 'e5m3'), member('b', 'e5m2'), { runId: 'gone' }],
  }),
);
const runs = [
  { id: 'a', name: 'a', path: folders.a, state: 'ready' },
  { id: 'b', name: 'b', path: folders.b, state: 'ready' },
  { id: 'gone', name: 'gone', path: '/gone', state: 'missing' },
];
const client = {
  call: (name: string) => Promise.resolve(name === 'groups.get' ? { groups } : runs),
} as unknown as Client;

const ask = async (kind: AnyJobKind, params: Record<string, unknown>, asked: Asked = {}) => {
  const found = await questionsOf(
    client,
    params,
    { groups: ['singles'], ...asked },
    reachOf(kind, flagsOf(kind.params)),
  );
  return found!.map(({ run, epoch, params, problem }) => ({
    ...{ run, epoch },
    ...(params && {
      params: Object.fromEntries(
        Object.entries(params).map(([key, value]) => [
          key,
          key === 'checkpoints' ? (value as string[]).map((path) => basename(path)) : value,
        ]),
      ),
    }),
    ...(problem && { problem: problem.message }),
  }));
};
const gone = { run: 'gone', epoch: undefined, problem: 'the folder of run gone is missing' };
const file = (epoch: number, model: number) => `checkpoint_epoch_${epoch}_model_${model}.pt`;

test('kinds that take files compare the single checkpoints of a group with each other', async () => {
  expect(await ask(jobKinds.interpolate, { epoch: 5, steps: 2 })).toEqual([
    gone,
    {
      ...{ run: 'checkpoints of 2 runs', epoch: undefined },
      params: { steps: 2, checkpoints: [file(5, 1), file(5, 3), file(5, 2)] },
    },
  ]);
  const over = await ask(jobKinds['match-weights'], {}, { epochs: [5] });
  expect(over[1]).toMatchObject({ epoch: 5, params: { checkpoints: [file(5, 1), file(5, 3), file(5, 2)] } });
});

test('measures of single models take them run by run, epochs with the same models together', async () => {
  expect(await ask(jobKinds['realization-cost'], {}, { epochs: 'all' })).toEqual([
    { run: 'a', epoch: 0, params: { run: folders.a, models: [1], epoch: 0 } },
    { run: 'a', epoch: 5, params: { run: folders.a, models: [1, 3], epoch: 5 } },
    { run: 'b', epoch: 5, params: { run: folders.b, models: [2], epoch: 5 } },
    gone,
  ]);
  expect(await ask(jobKinds['realization-cost'], { models: [1] }, { epochs: [0, 5] })).toMatchObject([
    { run: 'a', params: { models: [1], epoch: [0, 5] } },
    { run: 'b', problem: expect.stringContaining('none of the single checkpoints') },
    gone,
  ]);
});

test('every kind about runs takes groups and epochs; others do not', () => {
  const taken = Object.values<AnyJobKind>(jobKinds).map((kind) => {
    const own = flagsOf(kind.params);
    const names = withReach(own, reachOf(kind, own)).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    return [kind.kind, names.includes('groups'), names.includes('epochs')] as const;
  });
  expect(
    taken
      .filter(([, inGroups, over]) => inGroups && over)
      .map(([kind]) => kind)
      .sort(),
  ).toEqual([
    'activation-patterns',
    'detect-symmetry',
    'function-classes',
    'interpolate',
    'match-activations',
    'match-weights',
    'merge',
    'ntk',
    'permutation-sensitivity',
    'realization-cost',
    'realization-cost-ridge',
    'rescaling-barrier',
    'similarity',
    'subspace-coherence',
    'symmetries',
    'symmetry-curve',
  ]);
  expect(taken.filter(([, inGroups, over]) => inGroups !== over).map(([kind]) => kind)).toEqual([
    'synthetic-coherence',
    'export-checkpoints',
  ]);
});
