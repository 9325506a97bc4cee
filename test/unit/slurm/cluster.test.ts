/** What Slurm's programs print, and what ends of tasks are called. */
import { describe, expect, test } from 'vitest';
import { parseAccounting, parseQueue, phaseOf } from '../../../src-main/engine/slurm/cluster.ts';
import { outcomeOfFailure, outcomeWithout } from '../../../src-main/engine/slurm/ends.ts';

const task = { name: 'basin-a', jobId: '12', index: 3, reason: '', node: 'n2' };

describe('squeue and sacct', () => {
  test('tasks of the queue', () => {
    const output = [
      'basin-a|12|0|RUNNING|None|n1',
      'basin-a|12|1|PENDING|JobArrayTaskLimit|',
      'basin-b|14|0|TIMEOUT|TimeLimit|n2',
      // Other arrays, not expanded, and a job that is none.
      'basin-b|14|4-9|PENDING|Resources|',
      'shell|15|N/A|RUNNING|None|n1',
      '',
    ].join('\n');
    expect(parseQueue(output)).toEqual([
      { name: 'basin-a', jobId: '12', index: 0, state: 'RUNNING', reason: '', node: 'n1' },
      { name: 'basin-a', jobId: '12', index: 1, state: 'PENDING', reason: 'JobArrayTaskLimit', node: '' },
      { name: 'basin-b', jobId: '14', index: 0, state: 'TIMEOUT', reason: 'TimeLimit', node: 'n2' },
    ]);
    expect(parseQueue('')).toEqual([]);
  });

  test('tasks of the accounting', () => {
    const output = '12_0|COMPLETED|n1\n12_3|CANCELLED by 1000|n2\n12_[4-9]|PENDING|\n13|COMPLETED|n1\n';
    expect(parseAccounting(output, 'basin-a')).toEqual([
      { ...task, index: 0, state: 'COMPLETED', node: 'n1' },
      { ...task, state: 'CANCELLED' },
    ]);
  });

  test('a state is waiting, running or the end', () => {
    expect(['PENDING', 'REQUEUED', 'CONFIGURING'].map(phaseOf)).toEqual(Array(3).fill('waiting'));
    expect(['RUNNING', 'COMPLETING', 'SUSPENDED'].map(phaseOf)).toEqual(Array(3).fill('running'));
    expect(['COMPLETED', 'FAILED', 'TIMEOUT', 'NODE_FAIL', 'PREEMPTED'].map(phaseOf)).toEqual(
      Array(5).fill('ended'),
    );
  });
});

describe('ends of tasks', () => {
  test.each([
    ['TIMEOUT', 'killed', 'at its time limit', '"time"'],
    ['OUT_OF_MEMORY', 'memory', 'more memory than Slurm gave', '"memory"'],
    ['NODE_FAIL', 'killed', 'The node failed on n2', 'another node'],
    ['FAILED', 'exit', 'on n2 as FAILED without a result. Its output: module: not found', 'basin jobs retry'],
  ])('%s', (state, cause, message, hint) => {
    const outcome = outcomeWithout({ ...task, state }, 'loading\nmodule: not found');
    expect(outcome).toMatchObject({ type: 'died', death: { cause } });
    const { death } = outcome as Extract<typeof outcome, { type: 'died' }>;
    expect(death.message).toContain(message);
    expect(death.hint).toContain(hint);
  });

  test('one that somebody cancelled is cancelled, one that Slurm stopped can go on', () => {
    const stopped = { kind: 'stopped', message: 'stopped' } as const;
    expect(outcomeOfFailure(stopped, { ...task, state: 'CANCELLED' })).toMatchObject({
      error: { kind: 'cancelled' },
    });
    for (const seen of [{ ...task, state: 'FAILED' }, { ...task, state: 'TIMEOUT' }, undefined])
      expect(outcomeOfFailure(stopped, seen)).toMatchObject({ type: 'died', death: { cause: 'killed' } });
  });

  test('what a task says itself is what people read', () => {
    const said = { kind: 'user', message: 'run: not there', hint: 'Look.' } as const;
    expect(outcomeOfFailure(said, undefined)).toMatchObject({ type: 'error', error: said });
    const died = { kind: 'died', cause: 'memory', message: 'too much', hint: 'less' } as const;
    const { type, ...rest } = outcomeOfFailure(died, undefined) as { type: string; death: object };
    expect([type, rest.death]).toEqual(['died', { cause: 'memory', message: 'too much', hint: 'less' }]);
  });
});
