/**
 * Who may come in. The server listens on this machine only; what threatens it is a web page that the person visits
 * meanwhile (DNS rebinding, cross-site requests) and other users of the machine. So: the Host must be a name of this
 * machine, the Origin must be our own, and a cookie, got once in exchange for the token in the printed URL, is needed
 * for everything.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export type Verdict =
  | { allow: true }
  /** The token was good and is used up now: set the cookie and go on without the token in the address. */
  | { allow: 'enter'; setCookie: string }
  | { allow: false; status: 401 | 403; reason: string };

const loopbackNames = new Set(['127.0.0.1', 'localhost', '[::1]']);

export class Gate {
  /** In the printed URL; good for one entrance. */
  readonly token = randomBytes(24).toString('base64url');
  readonly #secret = randomBytes(32).toString('base64url');
  readonly #cookieName: string;
  readonly #hostNames: Set<string>;
  #tokenUsed = false;

  /** `host`: the name in the printed URL; besides the loopback names it is the only Host that is accepted. */
  constructor(host: string, port: number) {
    // Cookies know no ports: two servers on one machine must not overwrite each other's.
    this.#cookieName = `basin-${port}`;
    this.#hostNames = new Set(loopbackNames).add(host.toLowerCase());
  }

  /** Checks in this order, so that a refused request never uses the token up: Host, Origin, cookie, token. */
  check(request: IncomingMessage): Verdict {
    const host = request.headers.host ?? '';
    if (!this.#hostNames.has(host.replace(/:\d+$/, '').toLowerCase())) {
      return { allow: false, status: 403, reason: `Host "${host}" is not this machine.` };
    }
    const origin = request.headers.origin;
    if (origin !== undefined && origin !== `http://${host}`) {
      return { allow: false, status: 403, reason: `Origin "${origin}" is not this app.` };
    }
    if (this.#hasCookie(request)) return { allow: true };
    const token = addressOf(request)?.searchParams.get('token') ?? null;
    if (token === null) {
      return {
        allow: false,
        status: 401,
        reason: 'Open the address that "basin serve" printed: it holds the one-time token.',
      };
    }
    if (this.#tokenUsed || request.method !== 'GET' || !sameText(token, this.token)) {
      return {
        allow: false,
        status: 401,
        reason: 'This token is wrong or was used already. Restart "basin serve" for a new address.',
      };
    }
    this.#tokenUsed = true;
    return {
      allow: 'enter',
      setCookie: `${this.#cookieName}=${this.#secret}; HttpOnly; SameSite=Strict; Path=/`,
    };
  }

  #hasCookie(request: IncomingMessage): boolean {
    return (request.headers.cookie ?? '')
      .split(';')
      .map((pair) => pair.trim())
      .some(
        (pair) =>
          pair.startsWith(`${this.#cookieName}=`) &&
          sameText(pair.slice(this.#cookieName.length + 1), this.#secret),
      );
  }
}

/** The address that was asked for; undefined for what is none, such as `//`. */
export function addressOf(request: IncomingMessage): URL | undefined {
  try {
    return new URL(request.url ?? '/', 'http://basin');
  } catch {
    return undefined;
  }
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
