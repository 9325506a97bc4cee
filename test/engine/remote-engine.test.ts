/** The desktop's way to an engine that `basin serve` runs: in with the printed address, refused without, told when it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openLocalEngine } from '../../src-main/electron/engine.ts';
import { joinEngine } from '../../src-main/electron/join-engine.ts';
import { callOver, remoteLink } from '../../src-main/electron/engine-link.ts';
import type { ServerMessage } from '../../src-shared/rpc.ts';
import { basinEntry } from '../support/cli.ts';
import { newWorkspace, startServed, stopAfterEach } from '../support/served.ts';

stopAfterEach();

const root = fileURLToPath(new URL('../..', import.meta.url));

const infoSchema = z.object({ workspace: z.string(), pid: z.int() });

describe('a desktop window on a served engine', () => {
  it('calls it, hears its events, and is told when it ends', async () => {
    const app = await startServed();
    const link = await remoteLink(app.url);
    expect(link.where).toBe(`127.0.0.1:${app.port}`);
    const info = infoSchema.parse(await callOver(link, 'engine.info', {}));
    expect(info).toEqual({ workspace: app.workspace, pid: info.pid });

    const heard: ServerMessage[] = [];
    link.onMessage((message) => heard.push(message));
    await callOver(link, 'jobs.submit', { kind: 'import', params: { paths: [app.workspace] } });
    await expect
      .poll(() => heard.some((message) => message.type === 'event' && message.event.type === 'job-changed'))
      .toBe(true);

    const reason = new Promise<string>((resolve) => link.onClose(resolve));
    await app.stop();
    expect(await reason).toMatch(/engine|Basin/);
    // Whoever asks later learns why there is no response.
    await expect(callOver(link, 'engine.info', {})).rejects.toThrow(/engine/i);
  });

  it('is told when the process dies without a word', async () => {
    const app = await startServed();
    const link = await remoteLink(app.url);
    const reason = new Promise<string>((resolve) => link.onClose(resolve));
    app.kill('SIGKILL');
    expect(await reason).toBe('The engine stopped or the connection broke.');
  });

  it('is refused with a wrong token, and with one that was used', async () => {
    const app = await startServed();
    const wrong = new URL(app.url);
    wrong.searchParams.set('token', 'x'.repeat(32));
    await expect(remoteLink(wrong.href)).rejects.toMatchObject({
      message: expect.stringContaining('refused the token') as string,
      hint: expect.stringContaining('serve --new-address') as string,
    });
    const link = await remoteLink(app.url);
    await expect(remoteLink(app.url)).rejects.toThrow('refused the token');
    // The one that is in stays in.
    await callOver(link, 'engine.info', {});
    await link.close();
  });

  it('comes back without a new token while the engine knows it, and says so when it does not', async () => {
    const app = await startServed();
    const link = await remoteLink(app.url);
    await link.close();
    const back = await link.again();
    expect(infoSchema.parse(await callOver(back, 'engine.info', {})).workspace).toBe(app.workspace);
    await app.stop();
    await expect(back.again()).rejects.toMatchObject({
      message: expect.stringContaining(`no engine answers at 127.0.0.1:${app.port}`) as string,
    });
    const another = await startServed(newWorkspace(), ['--port', String(app.port)]);
    expect(another.port).toBe(app.port);
    await expect(back.again()).rejects.toMatchObject({
      message: expect.stringContaining('has expired') as string,
      hint: expect.stringContaining('serve --new-address') as string,
    });
    await another.stop();
    // The same workspace knows its windows, also after a restart.
    const same = await startServed(app.workspace, ['--port', String(app.port)]);
    const restored = await back.again();
    expect(infoSchema.parse(await callOver(restored, 'engine.info', {})).workspace).toBe(same.workspace);
    await restored.close();
  });

  it.each([
    ['not an address', 'is not an address'],
    ['https://127.0.0.1:1/?token=abc', 'expected http://'],
    ['http://127.0.0.1:1/', 'expected http://'],
    ['http://127.0.0.1:1/?token=abc', 'no engine answers at 127.0.0.1:1'],
  ])('says what is wrong with %s', async (address, sentence) => {
    await expect(remoteLink(address)).rejects.toThrow(sentence);
  });
});

describe('a desktop window on a workspace that is held', () => {
  it('joins the engine that holds it, within its limits, and leaves it running', async () => {
    const app = await startServed();
    const joined = await joinEngine(app.workspace);
    const link = joined!.link;
    expect(joined!.workspace).toBe(app.workspace);
    expect(link.where).toMatch(/^process \d+ on this machine$/);
    const info = infoSchema.parse(await callOver(link, 'engine.info', {}));
    expect(info.workspace).toBe(app.workspace);
    const outside = { kind: 'train', params: { run: '/tmp/elsewhere' } };
    await expect(callOver(link, 'jobs.submit', outside)).rejects.toThrow('outside the workspace');
    await link.close();

    const again = (await joinEngine(app.workspace))!.link;
    expect(infoSchema.parse(await callOver(again, 'engine.info', {})).pid).toBe(info.pid);
    const reason = new Promise<string>((resolve) => again.onClose(resolve));
    await app.stop();
    expect(await reason).toMatch(/engine/);
    expect(await joinEngine(app.workspace)).toBeUndefined();
  });

  it('is not there where nobody holds it', async () => {
    expect(await joinEngine(newWorkspace())).toBeUndefined();
  });
});

describe('an engine in the window’s own process', () => {
  it('responds, knows what closing would interrupt, and is never joined by itself', async () => {
    const workspace = newWorkspace();
    const own = await openLocalEngine(root, workspace);
    try {
      expect(own.link.where).toBe('this machine');
      expect(infoSchema.parse(await callOver(own.link, 'engine.info', {})).pid).toBe(process.pid);
      expect(await joinEngine(workspace)).toBeUndefined();
      expect(await own.runningJobs()).toBe(0);
      const params = { size: 64, seconds: 60 };
      await callOver(own.link, 'jobs.submit', { kind: 'diagnose', params });
      await expect.poll(() => own.runningJobs()).toBe(1);
    } finally {
      await own.link.close();
    }
  });
});

describe('an engine that a program started', () => {
  it('ends when it is told to, though the channel to that program is open', async () => {
    const args = ['serve', '--port', '0', '--json', '--workspace', newWorkspace()];
    const child = spawn(process.execPath, [basinEntry, ...args], {
      env: { ...process.env, BASIN_SETUP_DONE: '1' },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    await once(child.stdout!, 'data');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
