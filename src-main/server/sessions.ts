/**
 * Who was let in stays in: a session is a signed cookie. Its key lies in the workspace, so that an open page comes back
 * by itself after the engine was started anew. Deleting the key file ends all sessions.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Seconds after the last visit. */
const lifetime = 30 * 24 * 3600;
/** A session older than this gets a new cookie when a page is loaded. */
const renewAfter = 24 * 3600;
const keyBytes = 32;

export const sessionKeyPath = (workspace: string): string => join(workspace, 'session.key');

/**
 * The workspace's key, made on first use. One that others on the machine could have read is replaced; where it cannot
 * be read or written, sessions end with this server.
 */
export function sessionKey(workspace: string): Buffer {
  const path = sessionKeyPath(workspace);
  const known = readKey(path);
  if (known) return known;
  const fresh = randomBytes(keyBytes);
  try {
    rmSync(path, { force: true });
    writeFileSync(path, fresh, { mode: 0o600, flag: 'wx' });
  } catch {
    // Another user's workspace, a full disk: this server still has its key.
  }
  return fresh;
}

function readKey(path: string): Buffer | undefined {
  try {
    const found = lstatSync(path);
    const isPrivate =
      process.platform === 'win32' || ((found.mode & 0o077) === 0 && found.uid === process.getuid?.());
    if (!found.isFile() || !isPrivate) return undefined;
    const key = readFileSync(path);
    return key.length === keyBytes ? key : undefined;
  } catch {
    return undefined;
  }
}

export class Sessions {
  /** Cookies know no ports: two servers on one machine must not overwrite each other's. */
  readonly #name: string;
  readonly #key: Buffer;
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(key: Buffer, port: number, now: () => number = Date.now) {
    this.#name = `basin-${port}`;
    this.#key = key;
    this.#now = now;
  }

  /** A `Set-Cookie` that lets its bearer in. */
  open(): string {
    const expires = Math.floor(this.#now() / 1000) + lifetime;
    const body = `${expires}.${randomBytes(16).toString('base64url')}`;
    const attributes = `Max-Age=${lifetime}; HttpOnly; SameSite=Strict; Path=/`;
    return `${this.#name}=${body}.${this.#sign(body)}; ${attributes}`;
  }

  /** `good`, or `ageing`: good, and due for a new cookie. Undefined for no session, an expired or a forged one. */
  check(cookies: string): 'good' | 'ageing' | undefined {
    const now = Math.floor(this.#now() / 1000);
    for (const pair of cookies.split(';').map((text) => text.trim())) {
      if (!pair.startsWith(`${this.#name}=`)) continue;
      const value = pair.slice(this.#name.length + 1);
      const end = value.lastIndexOf('.');
      const body = value.slice(0, end);
      if (end < 0 || !sameText(value.slice(end + 1), this.#sign(body))) continue;
      const left = Number(body.split('.')[0]) - now;
      if (left > 0) return left < lifetime - renewAfter ? 'ageing' : 'good';
    }
    return undefined;
  }

  /** The name is signed too: a session of one port is none of another. */
  #sign(body: string): string {
    return createHmac('sha256', this.#key).update(`${this.#name}=${body}`).digest('base64url');
  }
}

/** In a time that does not tell where two texts of equal length differ. */
export function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
