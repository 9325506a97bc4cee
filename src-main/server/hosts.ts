/**
 * Under which names this machine may be asked for. A page of another site that points its own name here (DNS rebinding)
 * comes with that name in the Host header, and is refused.
 */
import { lookup, lookupService } from 'node:dns/promises';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { UserError } from '../../src-shared/errors.ts';

const loopback = ['127.0.0.1', 'localhost', '[::1]'];

/** Listening there, only this machine can reach it. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\./.test(host);

const isEverywhere = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** As in a URL. */
const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** `name.of.a.host`, an address, or an address of IPv6 in brackets; with no scheme, port or path. */
export function parseHostName(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (isIP(bare) !== 0) return bracketed(bare);
  const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
  if (bare.length <= 253 && bare.split('.').every((part) => label.test(part))) return bare;
  throw new UserError(`"${text}" is not a host name or address`, {
    hint: 'Write a name such as hub.example.edu, without http://, port or path.',
  });
}

export class Hosts {
  /** In printed addresses: when listening everywhere, the name under which other machines know this one. */
  readonly shown: string;
  readonly #fixed: Set<string>;
  readonly #allowed: Set<string>;
  /** Beyond this machine, its own names and addresses are right too. */
  readonly #isReachable: boolean;
  readonly #isEverywhere: boolean;
  #found: readonly string[] = [];

  /** @param allowed names that only the network knows, as `parseHostName` gives them */
  constructor(listening: string, allowed: readonly string[] = []) {
    this.shown = isEverywhere(listening) ? hostname() : bracketed(listening);
    this.#isReachable = !isLoopback(listening);
    this.#isEverywhere = isEverywhere(listening);
    this.#allowed = new Set(allowed);
    this.#fixed = new Set([...loopback, this.shown.toLowerCase(), ...allowed]);
  }

  /** Is the Host header of a request one of ours? Any port is right: `ssh -L` may use another. */
  accepts(header: string): boolean {
    const name = nameIn(header);
    return this.#fixed.has(name) || (this.#isReachable && this.own().includes(name));
  }

  /** A name that was allowed by hand may stand for a proxy that speaks TLS. */
  originsOf(header: string): string[] {
    return [`http://${header}`, ...(this.#allowed.has(nameIn(header)) ? [`https://${header}`] : [])];
  }

  /** This machine's own names and addresses, as they are now: a laptop changes its network. */
  own(): string[] {
    const name = hostname().toLowerCase();
    const short = name.split('.')[0]!;
    const addresses = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .map(({ address }) => bracketed(address));
    return [...new Set([name, short, `${short}.local`, ...this.#found, ...addresses])];
  }

  /** Addresses that other machines can use; empty if none can. */
  outward(): string[] {
    const all = this.#isReachable ? outwardAddresses() : [];
    return all.filter((address) => this.#isEverywhere || bracketed(address) === this.shown).map(bracketed);
  }

  /** Asks the resolver for the full names of this machine. Takes as long as it takes; never fails. */
  async findFullNames(): Promise<void> {
    if (!this.#isReachable) return;
    const found = await lookup(hostname(), { all: true }).catch(() => []);
    const all = new Set([...found.map(({ address }) => address), ...outwardAddresses()]);
    const names = await Promise.all([...all].map((address) => lookupService(address, 0).catch(() => null)));
    this.#found = names.flatMap((name) => (name ? [name.hostname.toLowerCase()] : []));
  }
}

/** Not the loopback ones, nor those that hold on one link only. */
function outwardAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80'))
    .map(({ address }) => address);
}

function nameIn(header: string): string {
  return header
    .replace(/:\d+$/, '')
    .toLowerCase()
    .replace(/(?<=.)\.$/, '');
}
