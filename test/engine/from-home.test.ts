/**
 * From home: a window on an engine that runs on another machine, through a tunnel. Two engines on one host: the lab's,
 * which has the work done by a cluster, and the one at home, which knows nothing of it. The line breaks; the work does not.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { callOver, remoteLink } from '../../src-main/electron/engine-link.ts';
import type { SweepStanding } from '../../src-shared/sweep-requests.ts';
import { basinJson } from '../support/cli.ts';
import { newWorkspace, startServed, stopAfterEach } from '../support/served.ts';
import { Gate, hasSshd, openForwarder, type Tunnel } from '../support/tunnel.ts';
import { slurmForEach, workingSlurm } from './support/fake-slurm.ts';

stopAfterEach();

if (!hasSshd) process.stderr.write('NOT TESTED HERE: a tunnel of a real ssh (install openssh-server)\n');

const gate = new Gate();
afterAll(() => gate.close());

const slurm = slurmForEach(() => workingSlurm());

const draft = {
  ...{ source: 'standard-small', settings: ['training.num_epochs=1', 'model.hidden_dim=8'], seeds: 1 },
  ...{ grid: [{ key: 'seed', values: ['1', '2'] }], then: [], name: 'from-home' },
};

const ways: [string, boolean, (to: number, port?: number) => Promise<Tunnel>][] = [
  ['a real ssh -L', hasSshd, (to, port) => gate.open(to, port)],
  ['a forwarder that stands for it', true, openForwarder],
];

describe.each(ways)('a window at home, through %s', (_name, available, open) => {
  it.skipIf(!available)(
    'begins a sweep on the cluster of the lab, which is trained though the line breaks',
    { timeout: 300_000 },
    async () => {
      const [lab, home] = [await startServed(), await startServed(newWorkspace())];
      writeFileSync(join(lab.workspace, 'basin.yaml'), 'slurm: {poll: 0.5}');
      const tunnel = await open(lab.port);
      expect(tunnel.port).not.toBe(lab.port);
      // The address as it was printed in the lab, with the port of this end.
      const address = new URL(lab.url);
      address.port = String(tunnel.port);
      const link = await remoteLink(address.href);
      expect(await callOver(link, 'engine.info', {})).toMatchObject({
        workspace: lab.workspace,
        pid: lab.pid,
      });
      await callOver(link, 'sweeps.start', { draft, on: 'slurm' });

      const lost = new Promise<string>((resolve) => link.onClose(resolve));
      await tunnel.cut();
      expect(await lost).toMatch(/connection broke|engine stopped/);
      await expect(link.again()).rejects.toThrow(`no engine answers at 127.0.0.1:${tunnel.port}`);

      // The same command again: the window needs no new address.
      const mended = await open(lab.port, tunnel.port);
      const back = await link.again();
      const standing = async () =>
        (await callOver(back, 'sweeps.get', { name: 'from-home' })) as SweepStanding;
      await expect
        .poll(async () => (await standing()).complete, { timeout: 240_000, interval: 2000 })
        .toBe(2);
      await back.close();
      await mended.cut();
      expect(slurm.calls('sbatch')).toHaveLength(1);
      expect(await basinJson(['sweeps', '--workspace', home.workspace])).toEqual([]);
    },
  );
});
