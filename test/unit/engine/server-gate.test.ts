/** Sessions and names of a served engine, each by itself. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Hosts, parseHostName } from '../../../src-main/server/hosts.ts';
import { sessionKey, sessionKeyPath, Sessions } from '../../../src-main/server/sessions.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'basin-gate-'));
  folders.push(folder);
  return folder;
};
const day = 24 * 3600 * 1000;

describe('the key of a workspace', () => {
  it('is made once, for nobody else to read', () => {
    const workspace = newFolder();
    const key = sessionKey(workspace);
    expect(key).toHaveLength(32);
    expect(statSync(sessionKeyPath(workspace)).mode & 0o777).toBe(0o600);
    expect(sessionKey(workspace)).toEqual(key);
    expect(sessionKey(newFolder())).not.toEqual(key);
  });

  it.each([
    ['others could read it', (path: string) => chmodSync(path, 0o644)],
    ['it is damaged', (path: string) => writeFileSync(path, 'short')],
    [
      'it is a link',
      (path: string) => {
        writeFileSync(`${path}.far`, Buffer.alloc(32), { mode: 0o600 });
        rmSync(path);
        symlinkSync(`${path}.far`, path);
      },
    ],
  ])('is another one if %s', (_why, spoil) => {
    const workspace = newFolder();
    const path = sessionKeyPath(workspace);
    const key = sessionKey(workspace);
    spoil(path);
    const next = sessionKey(workspace);
    expect(next).not.toEqual(key);
    expect(next).not.toEqual(Buffer.alloc(32));
    expect(readFileSync(path)).toEqual(next);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});

describe('a session', () => {
  const key = Buffer.alloc(32, 7);
  const cookieOf = (sessions: Sessions): string => sessions.open().split(';')[0]!;

  it('outlives its server, is renewed while it is used, and ends', () => {
    let now = Date.UTC(2030, 0, 1);
    const clock = (): number => now;
    const cookie = cookieOf(new Sessions(key, 7077, clock));
    const later = new Sessions(key, 7077, clock);
    expect(later.check(`theme=dark; ${cookie}`)).toBe('good');
    now += 2 * day;
    expect(later.check(cookie)).toBe('ageing');
    expect(later.check(cookieOf(later))).toBe('good');
    now += 28 * day;
    expect(later.check(cookie)).toBeUndefined();
  });

  it('is none with another key, on another port, or with a later end written into it', () => {
    const sessions = new Sessions(key, 7077);
    const cookie = cookieOf(sessions);
    expect(sessions.check(cookie)).toBe('good');
    expect(new Sessions(Buffer.alloc(32, 8), 7077).check(cookie)).toBeUndefined();
    expect(new Sessions(key, 7078).check(cookie.replace('7077', '7078'))).toBeUndefined();
    const [name, value] = cookie.split('=') as [string, string];
    const [expires, nonce, signature] = value.split('.') as [string, string, string];
    expect(sessions.check(`${name}=${Number(expires) + 1}.${nonce}.${signature}`)).toBeUndefined();
    for (const forged of ['', '.', '..', `${expires}.${nonce}.`, `${expires}..${signature}`, signature])
      expect(sessions.check(`${name}=${forged}`)).toBeUndefined();
  });
});

describe('the names of this machine', () => {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outward = addresses.filter(({ internal, family }) => !internal && family === 'IPv4');

  it('are only the loopback ones while nobody else can reach it', () => {
    const hosts = new Hosts('127.0.0.1');
    for (const name of ['127.0.0.1', 'localhost:7077', 'LOCALHOST:9000', '[::1]:7077', 'localhost.'])
      expect(hosts.accepts(name), name).toBe(true);
    const foreign = ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '', '.', '[::2]'];
    for (const name of [...foreign, `${hostname()}x`]) expect(hosts.accepts(name), name).toBe(false);
    for (const { address } of outward) expect(hosts.accepts(`${address}:7077`)).toBe(false);
    expect(hosts.outward()).toEqual([]);
  });

  it.each(['0.0.0.0', '::'])('are its addresses and names when it listens on %s', (listening) => {
    const hosts = new Hosts(listening);
    const short = hostname().split('.')[0]!;
    const own = [
      hostname(),
      hostname().toUpperCase(),
      short,
      `${short}.local`,
      ...outward.map((o) => o.address),
    ];
    for (const name of [...own, 'localhost']) {
      expect(hosts.accepts(name), name).toBe(true);
      expect(hosts.accepts(`${name}:9000`), name).toBe(true);
      expect(hosts.accepts(`${name}.evil.example`), name).toBe(false);
    }
    expect(hosts.accepts('evil.example')).toBe(false);
    expect(hosts.outward()).toEqual(expect.arrayContaining(outward.map(({ address }) => address)));
  });

  it('are the full names too that the resolver knows', async () => {
    const hosts = new Hosts('0.0.0.0');
    await hosts.findFullNames();
    for (const name of hosts.own()) expect(hosts.accepts(name), name).toBe(true);
    expect(hosts.accepts('evil.example')).toBe(false);
  });

  it('are those that were allowed by hand, which may stand for a proxy with TLS', () => {
    const hosts = new Hosts('127.0.0.1', [parseHostName('Hub.Example.edu')]);
    expect(hosts.accepts('hub.example.edu')).toBe(true);
    expect(hosts.accepts('hub.example.edu:8000')).toBe(true);
    expect(hosts.accepts('example.edu')).toBe(false);
    expect(hosts.originsOf('hub.example.edu')).toContain('https://hub.example.edu');
    expect(hosts.originsOf('localhost')).toEqual(['http://localhost']);
  });

  it.each(['http://hub.example.edu', 'hub:7077', 'hub/path', '*.example.edu', '', 'a b', '-x', 'a..b'])(
    'cannot be "%s"',
    (text) => expect(() => parseHostName(text)).toThrow('is not a host name or address'),
  );

  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:DB8::1', '[2001:db8::1]'],
    ['[2001:db8::1]', '[2001:db8::1]'],
  ])('can be the address %s', (text, name) => expect(parseHostName(text)).toBe(name));
});
