/** More than one way into a served engine: new addresses, other names of the machine, sessions after a restart. */
import { hostname, networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { basin, basinJson } from '../support/cli.ts';
import {
  ask,
  client,
  enter,
  newWorkspace,
  openSocket,
  startServed,
  stopAll,
  tokenOf,
} from '../support/served.ts';
import { testEngine } from './support/workspace.ts';

afterEach(stopAll);

const tokenIn = (url: string): string => new URL(url).searchParams.get('token') ?? '';

describe('a new address of a running server', () => {
  it('is printed on request, lets one browser in, and leaves the others in', async () => {
    const app = await startServed();
    const first = await enter(app);
    const given = await basinJson<{ url: string; ssh: string; port: number; workspace: string; pid: number }>(
      [...['serve', '--new-address', '--workspace', app.workspace]],
    );
    expect(given).toEqual({
      url: expect.stringMatching(
        new RegExp(`^http://127\\.0\\.0\\.1:${app.port}/\\?token=[\\w-]{32}$`),
      ) as string,
      ssh: app.ssh,
      port: app.port,
      workspace: app.workspace,
      pid: app.pid,
    });
    expect(tokenIn(given.url)).not.toBe(tokenOf(app));
    const path = `/?token=${tokenIn(given.url)}`;
    expect((await ask(app.port, path)).status).toBe(303);
    const again = await ask(app.port, path);
    expect(again.status).toBe(401);
    expect(again.body).toMatch(/already used.*basin serve --new-address.*only once/);
    expect((await ask(app.port, '/', { cookie: first })).status).toBe(200);
    const text = await basin(['serve', '--new-address', '--workspace', app.workspace]);
    expect(text.stdout).toMatch(/^Open http:\/\/127\.0\.0\.1:\d+\/\?token=\S+\n.*works only once/);
  });

  it('can be asked for in the app, and unused ones stay good until there are many', async () => {
    const app = await startServed();
    const api = await client(app);
    expect((await api.call('engine.info', {})).served).toBe(`http://127.0.0.1:${app.port}`);
    const urls = [];
    for (let i = 0; i < 17; i++) urls.push((await api.call('server.address', {})).url);
    const statuses = [];
    for (const url of urls) statuses.push((await ask(app.port, `/?token=${tokenIn(url)}`)).status);
    expect(statuses).toEqual([401, ...Array.from({ length: 16 }, () => 303)]);
    api.close();
  });

  it('is refused, with what to do, where none runs, where none is served, and beside other flags', async () => {
    const workspace = newWorkspace();
    const none = await basin(['serve', '--new-address', '--workspace', workspace]);
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/No Basin is running on this workspace[^]*`basin serve`/);
    const engine = await testEngine(workspace);
    const unserved = await basin(['serve', '--new-address', '--workspace', workspace]);
    expect(unserved.code).toBe(1);
    expect(unserved.stderr).toMatch(/not served to browsers[^]*basin serve/);
    const second = await basin(['serve', '--port', '0', '--workspace', workspace]);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/is open in process \d+, which serves no browsers[^]*--workspace/);
    await engine.close();
    const flags = await basin(['serve', '--new-address', '--host', '0.0.0.0', '--workspace', workspace]);
    expect(flags.code).toBe(2);
    expect(flags.stderr).toContain('remove --port, --host and --allow-host');
  });
});

describe('a second `basin serve` on a workspace', () => {
  it('says where the first one is, and how to get in', async () => {
    const app = await startServed();
    const second = await basin(['serve', '--port', '0', '--workspace', app.workspace]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`is open at http://127.0.0.1:${app.port} (process ${app.pid})`);
    expect(second.stderr).toContain('basin serve --new-address');
  });
});

describe('a session', () => {
  it('outlives a restart on the same workspace, and is none on another', async () => {
    const app = await startServed();
    const cookie = await enter(app);
    const port = ['--port', String(app.port)];
    await app.stop();
    const other = await startServed(newWorkspace(), port);
    const refused = await ask(app.port, '/', { cookie });
    expect(refused.status).toBe(401);
    expect(refused.body).toMatch(/no session here, or it has expired.*basin serve --new-address/);
    await other.stop();
    const again = await startServed(app.workspace, port);
    expect((await ask(again.port, '/', { cookie })).status).toBe(200);
    (await openSocket(again, { cookie })).close();
    // The address that it printed is new.
    expect(tokenOf(again)).not.toBe(tokenOf(app));
  });
});

describe('a server for other machines', () => {
  it('responds to the names and addresses of this one, and to those allowed, and to no others', async () => {
    const app = await startServed(newWorkspace(), ['--host', '0.0.0.0', '--allow-host', 'hub.example.edu']);
    const cookie = await enter(app);
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const outward = addresses.filter(({ internal, family }) => !internal && family === 'IPv4');
    const names = [hostname(), hostname().split('.')[0]!, 'localhost', ...outward.map((one) => one.address)];
    for (const name of names) {
      for (const host of [`${name}:${app.port}`, `${name}:9000`]) {
        const origin = `http://${host}`;
        expect((await ask(app.port, '/', { host, cookie })).status, host).toBe(200);
        expect((await ask(app.port, '/', { host, origin, cookie })).status, host).toBe(200);
        expect((await ask(app.port, '/', { host, origin: 'http://evil.example', cookie })).status).toBe(403);
      }
    }
    const hub = { host: 'hub.example.edu', cookie };
    expect((await ask(app.port, '/', { ...hub, origin: 'https://hub.example.edu' })).status).toBe(200);
    for (const host of ['evil.example', `${hostname()}.evil.example`, '198.51.100.77', 'example.edu']) {
      const refused = await ask(app.port, '/', { host, cookie });
      expect(refused.status, host).toBe(403);
      expect(refused.body).toContain('--allow-host');
      await expect(openSocket(app, { host, cookie })).rejects.toThrow('403');
    }
  });

  it('takes no pattern or address with a scheme for a name', async () => {
    for (const name of ['http://hub.example.edu', '*']) {
      const refused = await basin(['serve', '--allow-host', name, '--workspace', newWorkspace()]);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain('is not a host name or address');
    }
  });
});
