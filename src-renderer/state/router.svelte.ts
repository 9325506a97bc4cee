/** Which place is open: kept in the address, so that reload and back work. `#/matrices?result=abc&layer=1` */

export const places = [
  { id: 'catalog', title: 'Catalog and groups', section: 'Library', key: '1' },
  { id: 'train', title: 'Train', section: 'Library', key: '2' },
  { id: 'jobs', title: 'Jobs', section: 'Library', key: '3' },
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

function parse(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?');
  const place = places.find((candidate) => candidate.id === path)?.id ?? 'catalog';
  return { place, query: Object.fromEntries(new URLSearchParams(search)) };
}

class Router {
  route = $state.raw<Route>(parse(window.location.hash));

  constructor() {
    window.addEventListener('hashchange', () => {
      this.route = parse(window.location.hash);
    });
  }

  go(place: PlaceId, query: Record<string, string> = {}): void {
    const search = new URLSearchParams(query).toString();
    window.location.hash = `/${place}${search ? `?${search}` : ''}`;
  }

  /** Changes the query of the open place without a new entry in the history. */
  replaceQuery(query: Record<string, string>): void {
    const search = new URLSearchParams(query).toString();
    window.history.replaceState(null, '', `#/${this.route.place}${search ? `?${search}` : ''}`);
    this.route = { ...this.route, query };
  }
}

export const router = new Router();
