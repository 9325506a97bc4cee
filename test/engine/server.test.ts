/** The server against those who must not come in: forged hosts, other sites, guessed tokens, broken messages. */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeMessage } from '../../src-shared/rpc.ts';
import {
  ask,
  asBytes,
  client,
  clientOn,
  enter,
  newWorkspace,
  openSocket,
  say,
  startServed,
  stopAll,
  tokenOf,
  type ServedApp,
} from '../support/served.ts';

afterAll(stopAll);

describe('what `basin serve --json` prints', () => {
  it('is one line that says where to go, and how from elsewhere', async () => {
    const app = await startServed();
    expect(app.stdout().trim().split('\n')).toHaveLength(1);
    const url = new URL(app.url);
    expect(url.origin).toBe(`http://127.0.0.1:${app.port}`);
    expect(url.searchParams.get('token')).toMatch(/^[\w-]{32}$/);
    expect(app.ws).toBe('/ws');
    expect(app.ssh).toMatch(new RegExp(`^ssh -L ${app.port}:127\\.0\\.0\\.1:${app.port} \\S+@\\S+$`));
    expect(await app.stop()).toBe(0);
  });

  it('says that a port is taken, and what to do', async () => {
    const app = await startServed();
    await expect(startServed(newWorkspace(), ['--port', String(app.port)])).rejects.toThrow(
      /port \d+ on 127\.0\.0\.1 is in use[^]*--port/,
    );
    await app.stop();
  });
});

describe('the token', () => {
  it('opens once; who comes back without the cookie is refused', async () => {
    const app = await startServed();
    const first = await ask(app.port, `/?token=${tokenOf(app)}`);
    expect(first.status).toBe(303);
    expect(first.headers['set-cookie']?.[0]).toMatch(
      /^basin-\d+=\d+\.[\w-]{22}\.[\w-]{43}; Max-Age=2592000; HttpOnly; SameSite=Strict; Path=\/$/,
    );
    expect(first.headers.location).not.toContain('token');
    expect((await ask(app.port, `/?token=${tokenOf(app)}`)).status).toBe(401);

    const cookie = first.headers['set-cookie']![0]!.split(';')[0]!;
    const page = await ask(app.port, '/', { cookie });
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    // Reloading the printed address keeps working for who has the cookie.
    expect((await ask(app.port, `/?token=${tokenOf(app)}`, { cookie })).status).toBe(200);
    await app.stop();
  });

  it('is not used up by requests that are refused for their Host, Origin, method or spelling', async () => {
    const app = await startServed();
    const path = `/?token=${tokenOf(app)}`;
    const host = `127.0.0.1:${app.port}`;
    const refused: [Record<string, string>, string, string][] = [
      [{ host: 'evil.example' }, path, 'GET'],
      [{ host: `evil.example:${app.port}` }, path, 'GET'],
      [{ host: '127.0.0.1.evil.example' }, path, 'GET'],
      [{ host, origin: 'http://evil.example' }, path, 'GET'],
      [{ host, origin: 'null' }, path, 'GET'],
      [{ host, origin: `http://localhost:${app.port + 1}` }, path, 'GET'],
      [{ host }, path, 'POST'],
      [{ host }, `${path}x`, 'GET'],
      [{ host }, '/?token=', 'GET'],
    ];
    for (const [headers, target, method] of refused) {
      const reply = await ask(app.port, target, headers, method);
      expect([401, 403], `${method} ${target} ${JSON.stringify(headers)}`).toContain(reply.status);
      expect(reply.headers['set-cookie']).toBeUndefined();
    }
    await expect(openSocket(app, { origin: 'http://evil.example' }, `/ws${path.slice(1)}`)).rejects.toThrow(
      '403',
    );
    expect((await ask(app.port, path, { host: `localhost:${app.port}` })).status).toBe(303);
    await app.stop();
  });
});

describe('an app that is open', () => {
  let app: ServedApp;
  let cookie: string;

  beforeAll(async () => {
    app = await startServed();
    cookie = await enter(app);
  });

  it('gives nothing without the cookie, whatever the path or method', async () => {
    const index = await ask(app.port, '/', { cookie });
    const script = /src="\.?\/?(assets\/[^"]+\.js)"/.exec(index.body)?.[1];
    expect(script).toBeDefined();
    for (const path of [
      '/',
      `/${script}`,
      '/index.html',
      '/icon.svg',
      '/ws',
      '/nothing',
      '//',
      '/%',
      '/api',
    ]) {
      for (const method of ['GET', 'POST', 'HEAD', 'OPTIONS', 'DELETE']) {
        expect([401, 403], `${method} ${path}`).toContain((await ask(app.port, path, {}, method)).status);
      }
    }
    const wrong = `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}`;
    expect((await ask(app.port, '/', { cookie: wrong })).status).toBe(401);
    expect((await ask(app.port, `/${script}`, { cookie })).status).toBe(200);
  });

  it('refuses a foreign Host or Origin even with the cookie', async () => {
    for (const headers of [
      { host: 'evil.example' },
      { host: `evil.example:${app.port}` },
      { origin: 'http://evil.example' },
      { origin: `https://127.0.0.1:${app.port}` },
    ]) {
      expect((await ask(app.port, '/', { cookie, ...headers })).status).toBe(403);
      await expect(openSocket(app, { cookie, ...headers })).rejects.toThrow('403');
    }
    await expect(openSocket(app, {})).rejects.toThrow('401');
    await expect(openSocket(app, { cookie }, '/other')).rejects.toThrow('403');
  });

  it('sends a policy that lets nothing foreign in, as a header', async () => {
    const { headers } = await ask(app.port, '/', { cookie });
    const policy = String(headers['content-security-policy']);
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
    ])
      expect(policy.split('; ')).toContain(rule);
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect((await ask(app.port, '/')).headers['content-security-policy']).toBe(policy);
  });

  it('serves its pages and no other file of the disk', async () => {
    for (const path of [
      '/../package.json',
      '/..%2f..%2fpackage.json',
      '/assets/..%2f..%2f..%2fpackage.json',
      '/%2e%2e/%2e%2e/package.json',
      '//etc/passwd',
      '/..\\..\\package.json',
      '/index.html%00.png',
      '/%ff',
      '/assets',
      '//',
    ]) {
      const reply = await ask(app.port, path, { cookie });
      expect(reply.status, path).toBe(404);
      expect(reply.body).toBe('Not found\n');
    }
    expect((await ask(app.port, '/', { cookie }, 'POST')).status).toBe(405);
    expect((await ask(app.port, '/', { cookie })).status).toBe(200);
  });

  it('responds to calls, and says which field is wrong', async () => {
    const api = clientOn(await openSocket(app, { cookie }));
    expect((await api.call('engine.info', {})).workspace).toBe(app.workspace);
    await expect(api.call('runs.get', { runId: 7 as never })).rejects.toThrow(/runs\.get: runId/);
    await expect(api.call('no.such' as never, {} as never)).rejects.toThrow('There is no request "no.such".');
    await expect(api.call('constructor' as never, {} as never)).rejects.toThrow('There is no request');
    await expect(api.call('jobs.submit', { kind: 'interpolate', params: { run: 1 } })).rejects.toThrow(/run/);
    expect(await api.call('jobs.list', {})).toEqual([]);
    api.close();
  });

  it.each([
    ['text', '{"type":"call","id":1,"name":"engine.info","args":{}}'],
    ['no bytes at all', new Uint8Array(0)],
    ['a header longer than the message', new Uint8Array([255, 255, 255, 127, 1, 2, 3])],
    ['bytes that are no JSON', new Uint8Array([2, 0, 0, 0, 123, 120])],
    [
      'an array that is not there',
      asBytes({ type: 'call', id: 1, name: 'x', args: { $bytes: 8e9, type: 'Uint8Array', length: 9 } }),
    ],
    ['JSON without a number to respond to', asBytes({ type: 'call', name: 'groups.undo', args: {} })],
    ['a response', asBytes({ type: 'response', value: 1 })],
    ['null', asBytes(null)],
  ])('ends the conversation over %s', async (_what, bytes) => {
    const socket = await openSocket(app, { cookie });
    const outcome = await say(socket, bytes);
    expect(outcome).toMatchObject({ closed: 1008, reason: expect.stringContaining('refused') as string });
  });

  it.each([
    ['an id that is no number', { type: 'call', id: '1', name: 'engine.info', args: {} }],
    ['another verb', { type: 'listen', id: 1, name: 'engine.info', args: {} }],
    ['a name that is no text', { type: 'call', id: 1, name: ['engine.info'], args: {} }],
  ])('runs nothing for %s', async (_what, message) => {
    const socket = await openSocket(app, { cookie });
    const outcome = await say(socket, asBytes(message));
    if ('message' in outcome)
      expect(outcome.message).toMatchObject({ type: 'error', error: { kind: 'user' } });
    else expect(outcome.closed).toBe(1008);
    socket.close();
  });

  it('runs no edit whose shape is wrong', async () => {
    const socket = await openSocket(app, { cookie });
    const edit = { type: 'create', architecture: 'mlp', key: '', members: [] };
    const outcome = await say(socket, asBytes({ type: 'call', id: 5, name: 'groups.edit', args: { edit } }));
    expect(outcome).toMatchObject({ message: { type: 'error', id: 5, error: { kind: 'user' } } });
    const state = await say(socket, asBytes({ type: 'call', id: 6, name: 'groups.get', args: {} }));
    expect(state).toMatchObject({ message: { value: { groups: [], undo: null } } });
    socket.close();
  });

  it('lives on after all that', async () => {
    const socket = await openSocket(app, { cookie });
    const outcome = await say(socket, encodeMessage({ type: 'call', id: 9, name: 'engine.info', args: {} }));
    expect(outcome).toMatchObject({ message: { type: 'response', id: 9 } });
    socket.close();
  });
});

describe('paths that a client names', () => {
  it('writes nothing outside the workspace, whatever a job is told', async () => {
    const workspace = newWorkspace();
    const outside = newWorkspace();
    const app = await startServed(workspace);
    const api = await client(app);
    symlinkSync(outside, join(workspace, 'runs', 'link'));
    for (const run of [
      '../escape',
      join(outside, 'escape'),
      '/etc/basin-escape',
      workspace,
      join(workspace, 'runs', '..', '..', 'escape'),
      join(workspace, 'runs', 'link', 'escape'),
    ]) {
      for (const resume of [false, true]) {
        const params = { run, resume, config: { dataset: 'mnist-10k', epochs: 0 } };
        const submitted = api.call('jobs.submit', { kind: 'train', params });
        await expect(submitted, run).rejects.toThrow(/outside the workspace/);
      }
    }
    expect(await api.call('jobs.list', {})).toEqual([]);
    expect(readdirSync(outside)).toEqual([]);
    await app.stop();
  });

  it('imports from where it is told, and adds nothing for what is no run', async () => {
    const folder = newWorkspace();
    mkdirSync(join(folder, 'empty'));
    writeFileSync(join(folder, 'empty', 'note.txt'), 'nothing');
    const app = await startServed();
    const api = await client(app);
    const job = await api.call('jobs.submit', { kind: 'import', params: { paths: [join(folder, 'empty')] } });
    await expect.poll(async () => (await api.call('jobs.get', { jobId: job.id })).state).toBe('done');
    const { resultId } = await api.call('jobs.get', { jobId: job.id });
    const { data } = await api.call('results.get', { resultId: resultId! });
    expect(data).toMatchObject({ runs: 0, checkpoints: 0 });
    expect(await api.call('runs.list', {})).toEqual([]);
    await app.stop();
  });
});

describe('an engine that goes away', () => {
  it('fails every pending request with a reason, when it is killed', async () => {
    const app = await startServed();
    const api = await client(app);
    const told = new Promise<string>((resolve) => {
      api.onClose(resolve);
    });
    await api.call('engine.info', {});
    app.kill('SIGSTOP');
    const pending = api.call('engine.info', {});
    const failed = expect(pending).rejects.toMatchObject({ kind: 'closed' });
    app.kill('SIGKILL');
    await failed;
    await told;
    await expect(api.call('engine.info', {})).rejects.toMatchObject({ kind: 'closed' });
  });

  it('says that it was stopped, when it is stopped', async () => {
    const app = await startServed();
    const api = await client(app);
    const told = new Promise<string>((resolve) => {
      api.onClose(resolve);
    });
    await app.stop();
    expect(await told).toBe('The engine was stopped.');
  });
});
