/** Sweeps on a cluster, driven by the engine: started by a window, resumed by whoever opens the workspace. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src-main/engine/index.ts';
import { slurmSettingsSchema } from '../../src-shared/slurm.ts';
import { fakeSlurm, slurmForEach, workingSlurm } from './support/fake-slurm.ts';
import { newFolder, refusal, testEngine } from './support/workspace.ts';

const draft = {
  ...{ source: 'standard-small', settings: ['training.num_epochs=1'], seeds: null, then: ['interpolate'] },
  ...{ name: 'rates', grid: [{ key: 'seed', values: ['1', '2'] }] },
};
const name = 'rates';
const onSlurm = { draft, on: 'slurm' } as const;

const slurm = slurmForEach(() => workingSlurm());
const { use } = slurm;

function newWorkspace(text = 'slurm: {poll: 0.2}'): string {
  const workspace = newFolder();
  writeFileSync(join(workspace, 'basin.yaml'), text);
  return workspace;
}

const standing = (engine: Engine) => engine.call('sweeps.get', { name });
async function through(engine: Engine) {
  await expect.poll(async () => (await standing(engine)).active, { timeout: 120_000 }).toBe(false);
  return standing(engine);
}
/** How many tasks each array had. */
const arrays = (): number[] =>
  slurm
    .calls('sbatch')
    .map((call) => 1 + Number(call.find((word) => word.startsWith('--array='))!.replace('--array=0-', '')));
const kinds = async (engine: Engine): Promise<string[]> =>
  (await engine.call('results.list', {})).map(({ kind }) => kind).sort();
const eachOnce = [...Array<string>(2).fill('interpolate'), ...Array<string>(2).fill('train')];

describe('a sweep on Slurm', () => {
  it('trains in one array, measures what is trained, and says where it is at work', async () => {
    const engine = await testEngine(newWorkspace());
    const begun = await engine.call('sweeps.start', onSlurm);
    expect(begun).toMatchObject({ active: true, onSlurm: true, runs: 2 });
    expect(arrays()).toEqual([2]);
    expect(await through(engine)).toMatchObject({ trained: 2, complete: 2, failed: 0, onSlurm: false });
    expect(await kinds(engine)).toEqual(eachOnce);
    expect(arrays().reduce((sum, tasks) => sum + tasks)).toBe(4);
    const before = arrays();
    await engine.call('sweeps.start', onSlurm);
    await through(engine);
    expect(arrays()).toEqual(before);
  });

  it('is resumed by the next engine, with the settings that it was started with; nothing twice', async () => {
    const workspace = newWorkspace();
    const one = await testEngine(workspace);
    await one.call('sweeps.start', onSlurm);
    await one.close();
    writeFileSync(join(workspace, 'basin.yaml'), 'slurm: {partition: other}');
    const two = await testEngine(workspace);
    expect(await two.call('sweeps.list', {})).toMatchObject({ sweeps: [{ active: true, onSlurm: true }] });
    expect(await through(two)).toMatchObject({ complete: 2, failed: 0 });
    expect(await kinds(two)).toEqual(eachOnce);
    expect(slurm.calls('sbatch').flat()).not.toContain('--partition=other');
    expect(arrays()[0]).toBe(2);
  });

  it('leaves nothing if Slurm refuses it; runs that are there stay', async () => {
    const workspace = newWorkspace();
    const engine = await testEngine(workspace);
    use(fakeSlurm({ sbatch: 'cat > /dev/null; echo invalid partition >&2; exit 1' }));
    expect(await refusal(engine.call('sweeps.start', onSlurm))).toContain('sbatch: invalid partition');
    expect(await engine.call('sweeps.list', {})).toEqual({ sweeps: [], problems: [] });
    expect(existsSync(join(workspace, 'runs', name))).toBe(false);

    const once = { draft: { ...draft, then: [] } };
    await engine.call('sweeps.start', once);
    await through(engine);
    const again = { ...onSlurm, draft: { ...draft, then: ['interpolate'] } };
    expect(await refusal(engine.call('sweeps.start', again))).toContain('sbatch: invalid partition');
    const refused = await through(engine);
    expect(refused).toMatchObject({ trained: 2, complete: 0, failed: 2 });
    expect(refused.cells[0]!.failures[0]!.message).toContain('sbatch: invalid partition');
  });

  it('is tried again by a later engine if Slurm takes nothing when the next one starts', async () => {
    const workspace = newWorkspace();
    const one = await testEngine(workspace);
    await one.call('sweeps.start', { ...onSlurm, draft: { ...draft, then: [] } });
    await through(one);
    use(fakeSlurm({ sbatch: 'cat > /dev/null; echo no response >&2; exit 1' }));
    await refusal(one.call('sweeps.start', onSlurm));
    await one.close();
    // As if it had been killed just before Slurm was asked.
    const settings = slurmSettingsSchema.parse({ poll: 0.2 });
    writeFileSync(join(workspace, 'sweeps.json'), JSON.stringify({ active: [{ name, slurm: settings }] }));
    const two = await testEngine(workspace);
    expect(await through(two)).toMatchObject({ trained: 2, complete: 0 });
    await two.close();
    use(workingSlurm());
    expect(await through(await testEngine(workspace))).toMatchObject({ complete: 2, failed: 0 });
  });

  it('is cancelled with what waits and runs on the cluster, and measures nothing then', async () => {
    const engine = await testEngine(newWorkspace());
    await engine.call('sweeps.start', onSlurm);
    expect(await engine.call('sweeps.cancel', { name })).toMatchObject({ active: false });
    const jobs = await engine.call('jobs.list', {});
    expect(jobs.filter(({ state }) => state === 'queued' || state === 'running')).toEqual([]);
    expect(slurm.calls('scancel').length).toBeGreaterThan(0);
    expect(await kinds(engine)).not.toContain('interpolate');
    expect(await engine.call('sweeps.resume', { name, on: 'slurm' })).toMatchObject({ onSlurm: true });
    expect(await through(engine)).toMatchObject({ complete: 2 });
  });

  it('leaves a task alone that somebody cancelled, until somebody asks for it', async () => {
    const workspace = newWorkspace();
    const one = await testEngine(workspace);
    await one.call('sweeps.start', onSlurm);
    const [job] = await one.call('jobs.list', {});
    await one.call('jobs.cancel', { jobId: job!.id });
    await one.close();
    const two = await testEngine(workspace);
    expect(await through(two)).toMatchObject({ trained: 1, complete: 1, failed: 1 });
    expect(arrays().reduce((sum, tasks) => sum + tasks)).toBe(3);
    await two.call('sweeps.resume', { name, on: 'slurm' });
    expect(await through(two)).toMatchObject({ complete: 2, failed: 0 });
  });

  it('follows what trains one of its runs on this machine already', async () => {
    const workspace = newWorkspace();
    const engine = await testEngine(workspace);
    const run = join(workspace, 'runs', name, 'seed=1');
    const local = await engine.call('jobs.submit', { kind: 'train', params: { run, epochs: 2, ms: 500 } });
    await engine.call('sweeps.start', onSlurm);
    expect(arrays()).toEqual([1]);
    expect(await through(engine)).toMatchObject({ complete: 2, failed: 0 });
    const trained = await engine.call('results.list', { kind: 'train' });
    expect(trained.map(({ jobId }) => jobId)).toContain(local.id);
  });

  it('keeps what Slurm takes, and shows why it refused the rest', async () => {
    const taken = workingSlurm();
    const count = join(newFolder(), 'count');
    // The first array is taken, others are not.
    const limit = `echo x >> '${count}'; [ $(wc -l < '${count}') = 1 ] || { cat > /dev/null; echo job limit >&2; exit 1; }`;
    use(
      fakeSlurm({
        sbatch: `${limit}; PATH='${taken.path}' exec sbatch "$@"`,
        squeue: `PATH='${taken.path}' exec squeue "$@"`,
      }),
    );
    const engine = await testEngine(newWorkspace());
    await engine.call('sweeps.start', onSlurm);
    const done = await through(engine);
    expect(done).toMatchObject({ trained: 2, complete: 0, failed: 2 });
    expect(done.cells[1]!.failures).toMatchObject([{ kind: 'interpolate', message: 'sbatch: job limit.' }]);
    use(taken);
    await engine.call('sweeps.resume', { name, on: 'slurm' });
    expect(await through(engine)).toMatchObject({ complete: 2, failed: 0 });
  });

  it('is not moved to another place while it is at work', async () => {
    const engine = await testEngine(newWorkspace());
    await engine.call('sweeps.start', onSlurm);
    expect(await refusal(engine.call('sweeps.start', { draft }))).toContain('is running on Slurm');
    await through(engine);
  });

  it.each([
    [undefined, 'There is no basin.yaml in'],
    ['slurm: {partiton: gpu}', 'there is no setting "slurm.partiton"'],
  ])('needs a basin.yaml that can be used: %j', async (text, message) => {
    const workspace = text === undefined ? newFolder() : newWorkspace(text);
    const engine = await testEngine(workspace);
    const cluster = await engine.call('slurm.cluster', {});
    if (text === undefined) expect(cluster).toBeNull();
    else expect(cluster!.problem).toContain(message);
    expect(await refusal(engine.call('sweeps.start', onSlurm))).toContain(message);
    expect(await engine.call('sweeps.list', {})).toEqual({ sweeps: [], problems: [] });
  });
});
