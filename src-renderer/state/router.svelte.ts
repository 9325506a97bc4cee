/** Which place is open, and what is seen there: kept in the address. `#/matrices?result=abc&layer=1` */
import { untrack } from 'svelte';
import { z } from 'zod';

export const places = [
  { id: 'catalog', title: 'Catalog and groups', section: 'Library', key: '1' },
  { id: 'train', title: 'Train', section: 'Library', key: '2' },
  { id: 'sweeps', title: 'Sweeps', section: 'Library', key: 'Shift+S' },
  { id: 'jobs', title: 'Jobs', section: 'Library', key: '3' },
  { id: 'results', title: 'Results', section: 'Library', key: '9' },
  { id: 'interpolation', title: 'Interpolation', section: 'Analyse', key: '4' },
  { id: 'matrices', title: 'Matrices', section: 'Analyse', key: '5' },
  { id: 'identifiability', title: 'Identifiability', section: 'Analyse', key: '6' },
  { id: 'symmetry', title: 'Symmetry', section: 'Analyse', key: '7' },
  { id: 'figures', title: 'Figures', section: 'Publish', key: '8' },
] as const;
export type PlaceId = (typeof places)[number]['id'];

interface Route {
  place: PlaceId;
  query: Record<string, string>;
}

/** What was seen last in each place: come back without an address and you are where you were. */
const storageKey = 'basin.views';
const storedSchema = z.record(z.string(), z.record(z.string(), z.string()));

function seenLast(): z.infer<typeof storedSchema> {
  try {
    return storedSchema.parse(JSON.parse(localStorage.getItem(storageKey) ?? '{}'));
  } catch {
    return {};
  }
}

const hashOf = ({ place, query }: Route): string => {
  const search = new URLSearchParams(query).toString();
  return `#/${place}${search ? `?${search}` : ''}`;
};

function parse(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?');
  const place = places.find((candidate) => candidate.id === path)?.id ?? 'catalog';
  const query = search === '' ? (seenLast()[place] ?? {}) : Object.fromEntries(new URLSearchParams(search));
  return { place, query };
}

class Router {
  route = $state.raw<Route>(parse(window.location.hash));
  /** The address that `route` belongs to: if the window has another, somebody is on the way there. */
  #address = window.location.hash;
  /** Counts the addresses that came from outside of the open view (links, Back): it is made anew for each. */
  arrivals = $state(0);

  constructor() {
    window.addEventListener('hashchange', () => {
      const before = hashOf(this.route);
      this.route = parse(window.location.hash);
      if (hashOf(this.route) !== before) this.arrivals++;
      // What is remembered is in the address too, so that it can be copied.
      this.#write();
    });
  }

  #write(): void {
    window.history.replaceState(null, '', hashOf(this.route));
    this.#address = window.location.hash;
  }

  go(place: PlaceId, query: Record<string, string> = {}): void {
    window.location.hash = hashOf({ place, query }).slice(1);
  }

  /** Changes the query of the open place without a new entry in the history. */
  replaceQuery(query: Record<string, string>): void {
    // An address that was just set is heard of a moment later: written over, the click would be lost.
    if (window.location.hash !== this.#address) return;
    const route = { ...this.route, query };
    if (hashOf(route) !== hashOf(this.route)) this.route = route;
    this.#write();
  }

  /** As `replaceQuery`, and shown again when somebody comes back to the place. Only from the view of that place. */
  keep(place: PlaceId, query: Record<string, string>): void {
    this.#keep(place, () => query);
  }

  /** As `keep`, for a part of a view: what other parts keep stays. Undefined takes a name out. */
  keepPart(place: PlaceId, part: Record<string, string | undefined>): void {
    this.#keep(place, (before) => {
      const kept = Object.entries(before).filter(([name]) => !(name in part));
      const taken = Object.entries(part).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      );
      return Object.fromEntries([...kept, ...taken]);
    });
  }

  #keep(place: PlaceId, change: (before: Record<string, string>) => Record<string, string>): void {
    const arrival = untrack(() => this.arrivals);
    // Not while the view is being made: what it is made in depends on the route.
    queueMicrotask(() => {
      // The view may have been left meanwhile, even for another address of the same place.
      if (this.route.place !== place || this.arrivals !== arrival) return;
      const query = change(this.route.query);
      this.replaceQuery(query);
      try {
        localStorage.setItem(storageKey, JSON.stringify({ ...seenLast(), [place]: query }));
      } catch {
        // A browser that keeps nothing still shows the address.
      }
    });
  }
}

export const router = new Router();
