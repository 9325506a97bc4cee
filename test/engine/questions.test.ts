import { afterEach, describe, expect, it, vi } from 'vitest';
import { planPool } from '../../src-main/engine/jobs/memory.ts';
import { WorkerPool } from '../../src-main/engine/jobs/pool.ts';
import { Questions } from '../../src-main/engine/questions.ts';
import { actJob, testKinds } from './support/kinds.ts';
import { refusal, testWorker } from './support/workspace.ts';

let pool: WorkerPool | undefined;
afterEach(() => pool?.close());

function questions(): Questions {
  pool = new WorkerPool({
    ...planPool({ workers: 1 }),
    ...{ entry: testWorker, node: process.execPath, env: {}, idleAfter: 60_000 },
  });
  return new Questions({
    pool,
    hashes: { known: () => undefined, remember: () => undefined },
    kindNamed: (name) => testKinds.find((kind) => kind.kind === name)!,
  });
}

const sleep = (ms: number, tag = '') => ({ what: 'sleep', ms, tag });

describe('questions beside the queue', () => {
  it('are computed while the only place for long jobs is taken', async () => {
    const asked = questions();
    const long = pool!.run(pool!.take('main'), {
      ...{ id: 'long', kind: 'act', params: actJob.params.parse(sleep(60_000)) },
      ...{ onEvent: () => undefined, onPlan: () => Promise.resolve([]), onBackend: () => undefined },
    });
    expect(await asked.ask('window', 'act', sleep(1, 'a'))).toEqual({ said: 'slept a' });
    await pool!.close();
    expect((await long).type).not.toBe('result');
  });

  it('count only while they are the newest of their client; others wait their turn', async () => {
    const asked = questions();
    const first = refusal(asked.ask('one', 'act', sleep(60_000, 'first')));
    const second = asked.ask('two', 'act', sleep(1, 'second'));
    const third = asked.ask('one', 'act', sleep(1, 'third'));
    expect(await first).toBe('cancelled');
    expect(await Promise.all([second, third])).toEqual([{ said: 'slept second' }, { said: 'slept third' }]);
  });

  it('are given up when their client goes away, at work or waiting', async () => {
    const asked = questions();
    const run = vi.spyOn(pool!, 'run');
    const first = refusal(asked.ask('one', 'act', sleep(60_000)));
    const second = refusal(asked.ask('two', 'act', sleep(60_000, 'waits')));
    // The first is handed to its worker; the second was asked in the same breath and stands behind it.
    await expect.poll(() => run.mock.calls.length).toBe(1);
    asked.stop('two');
    asked.stop('one');
    expect(await Promise.all([first, second])).toEqual(['cancelled', 'cancelled']);
    expect(await asked.ask('one', 'act', sleep(1, 'next'))).toEqual({ said: 'slept next' });
  });

  it('fail with a sentence when they are refused or their worker dies, and the next has its result', async () => {
    const asked = questions();
    expect(await refusal(asked.ask('one', 'act', { what: 'dance' }))).toMatch(/^act: what/);
    expect(await refusal(asked.ask('one', 'act', { what: 'refuse' }))).toBe('params.tag: expected a colour.');
    expect(await refusal(asked.ask('one', 'act', { what: 'exit' }))).toMatch(
      /pretended library gave up|ended/,
    );
    expect(await asked.ask('one', 'act', sleep(1, 'again'))).toEqual({ said: 'slept again' });
  });

  it('are not worked on twice', async () => {
    const asked = questions();
    const first = await asked.ask('one', 'table', { n: 2 });
    expect(await asked.ask('two', 'table', { n: 2 })).toBe(first);
    expect(await asked.ask('two', 'table', { n: 3 })).not.toBe(first);
  });
});
