/**
 * Who may come in. What threatens the server is a web page that the person visits meanwhile (DNS rebinding, cross-site
 * requests) and other users of the machine or the network. So: the Host must be a name of this machine, the Origin must
 * be our own, and a session, got once in exchange for the token in a printed address, is needed for everything.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Hosts } from './hosts.ts';
import { sameText, type Sessions } from './sessions.ts';

export type Verdict =
  /** With `setCookie`, the session goes on under a new cookie. */
  | { allow: true; setCookie?: string }
  /** The token was good and is used up now: set the cookie and go on without the token in the address. */
  | { allow: 'enter'; setCookie: string }
  | { allow: false; status: 401 | 403; reason: string };

/** Addresses that were asked for and not used yet. */
const mostTokens = 16;

const wayIn =
  'On the machine that runs Basin, "basin serve --new-address" prints a new address; each address works only once.';

export class Gate {
  readonly #hosts: Hosts;
  readonly #sessions: Sessions;
  /** Each good for one entrance. */
  #tokens: string[] = [];

  constructor(hosts: Hosts, sessions: Sessions) {
    this.#hosts = hosts;
    this.#sessions = sessions;
  }

  /** A token for one more entrance. Of many that nobody uses, only the last ones stay good. */
  newToken(): string {
    const token = randomBytes(24).toString('base64url');
    this.#tokens = [...this.#tokens, token].slice(-mostTokens);
    return token;
  }

  /** Checks in this order, so that a refused request never uses a token up: Host, Origin, session, token. */
  check(request: IncomingMessage): Verdict {
    const host = request.headers.host ?? '';
    if (!this.#hosts.accepts(host)) {
      return {
        allow: false,
        status: 403,
        reason: `Host "${host}" is not this machine. If the name is right, restart "basin serve" with --allow-host and this name.`,
      };
    }
    const origin = request.headers.origin;
    if (origin !== undefined && !this.#hosts.originsOf(host).includes(origin)) {
      return { allow: false, status: 403, reason: `Origin "${origin}" is not this app.` };
    }
    const session = this.#sessions.check(request.headers.cookie ?? '');
    if (session === 'good') return { allow: true };
    if (session === 'ageing') return { allow: true, setCookie: this.#sessions.open() };
    return this.#checkToken(request);
  }

  #checkToken(request: IncomingMessage): Verdict {
    const token = addressOf(request)?.searchParams.get('token') ?? null;
    const refused = (why: string): Verdict => ({ allow: false, status: 401, reason: `${why} ${wayIn}` });
    if (token === null) return refused('This browser has no session here, or it has expired.');
    const known = this.#tokens.find((candidate) => sameText(candidate, token));
    if (known === undefined || request.method !== 'GET') {
      return refused('This address is wrong or was already used.');
    }
    this.#tokens = this.#tokens.filter((candidate) => candidate !== known);
    return { allow: 'enter', setCookie: this.#sessions.open() };
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
