/** Which runs can be resumed, and which trained longer. */
import { describe, expect, it, vi } from 'vitest';
import type { Job, RunRow } from '../../../src-shared/api.ts';
import { runNameProblem } from '../../../src-renderer/training/run-name.ts';

vi.stubGlobal('navigator', { platform: 'Linux' });
vi.mock('../../../src-renderer/state/engine.svelte.ts', () => ({ engine: {} }));
vi.mock('../../../src-renderer/state/notices.svelte.ts', () => ({ notices: {} }));
vi.mock('../../../src-renderer/state/router.svelte.ts', () => ({ router: {} }));
const { canResume, canTrainLonger, stoppedJobOf } =
  await import('../../../src-renderer/training/continuation.ts');

const run = (state: RunRow['state'], last: number, origin: RunRow['origin'] = 'trained') => ({
  ...{ state, origin, epochs: [0, last], properties: { 'training.num_epochs': 10 } },
});

describe('a run', () => {
  it.each([
    ['stopped', run('interrupted', 4), true, false],
    ['ended', run('ready', 10), false, true],
    ['ended early', run('ready', 6), false, false],
    ['being trained', run('training', 4), false, false],
    ['imported whole', run('ready', 10, 'imported'), false, true],
    ['imported half-way', run('ready', 6, 'imported'), true, false],
    ['missing', run('missing', 10), false, false],
    ['without checkpoints', { ...run('ready', 0), epochs: [] }, false, false],
    ['of unknown length', { ...run('ready', 3, 'imported'), properties: {} }, false, true],
  ])('%s', (_name, given, resume, longer) => {
    expect([canResume(given), canTrainLonger(given)]).toEqual([resume, longer]);
  });

  it('goes on with its newest stopped job', () => {
    const job = (id: string, more: Partial<Job>) =>
      ({ id, kind: 'train', state: 'cancelled', params: { run: '/a' }, createdAt: 1, ...more }) as Job;
    const jobs = [
      job('old', {}),
      job('new', { createdAt: 2, state: 'interrupted' }),
      job('done', { createdAt: 3, state: 'done' }),
      job('other', { createdAt: 4, params: { run: '/b' } }),
    ];
    expect(stoppedJobOf({ path: '/a' }, jobs)?.id).toBe('new');
    expect(stoppedJobOf({ path: '/c' }, jobs)).toBeUndefined();
  });
});

describe('the name of a run', () => {
  it.each([
    ['mine-2.a_b', null],
    ['two words', /Only letters/],
    ['a/b', /Only letters/],
    ['σ', /Only letters/],
    ['..', /cannot be the name/],
    ['taken', /a folder taken already/],
    ['soon', /a folder soon already/],
  ])('%s', (name, problem) => {
    const found = runNameProblem(name, [{ path: '/w/runs/taken' }], '/w', ['soon']);
    if (problem === null) expect(found).toBeNull();
    else expect(found).toMatch(problem);
  });
});
