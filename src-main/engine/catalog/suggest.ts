/** Groups proposed from the configs: runs that differ in their seeds alone belong together. */
import type { Group, GroupSuggestion, RunRow } from '../../../src-shared/api.ts';
import { familyNames } from '../../../src-shared/domain.ts';
import { settingsOf, type Settings } from './settings.ts';
import type { Property } from './summary.ts';

interface Kind {
  architecture: string;
  settings: Settings;
  runs: RunRow[];
}

/** How a setting is said in a name; in the order in which settings are added until names differ. */
const details: [key: string, say: (value: string) => string][] = [
  ['dataset.name', (value) => value],
  ['model.norm', (value) => (value === 'none' ? 'no norm' : `${value} norm`)],
  ['model.widths', (value) => `widths ${value}`],
  ['model.network', (value) => value],
  ['model.activation', (value) => value],
  ['model.alpha', (value) => `alpha ${value}`],
  ['model.share', (value) => `share ${value}`],
  ['model.fixed_contents', (value) => `F and D ${value}`],
  ['model.num_fixed', (value) => `${value} fixed`],
  ['optimizer.name', (value) => value],
  ['optimizer.lr', (value) => `lr ${value}`],
  ['optimizer.weight_decay', (value) => `weight decay ${value}`],
  ['training.num_epochs', (value) => `${value} epochs`],
  ['dataset.batch_size', (value) => `batch ${value}`],
];
const order = new Map(details.map(([key], place) => [key, place]));
/** Lists that would make no name. */
const unsayable = new Set(['model.graph', 'model.layers', 'model.others', 'model.normal_mask']);

/**
 * One suggestion for each set of settings that some run has which is in no group yet: a new group if its runs have two
 * models at least, else nothing; or, if a group holds runs of these settings alone, that group, to be added to.
 * Missing and broken runs are left out. Names are unique, also among the groups that are there.
 */
export function suggestGroups(
  runs: readonly RunRow[],
  groups: readonly Group[],
  configOf: (run: RunRow) => Record<string, unknown>,
): GroupSuggestion[] {
  const kinds = kindsOf(runs, configOf);
  const grouped = new Set(groups.flatMap(({ members }) => members.map(({ runId }) => runId)));
  const open = kinds
    .map((kind) => ({
      ...kind,
      free: kind.runs.filter(({ id }) => !grouped.has(id)),
      home: homeOf(kind, groups),
    }))
    .filter(({ free, home }) => free.length > 0 && (home || modelsOf(free) > 1));
  const keys = namesOf(
    open.filter(({ home }) => !home),
    groups,
  );
  return open
    .map((kind): GroupSuggestion => {
      const { architecture, home, free } = kind;
      return {
        architecture: home?.architecture ?? architecture,
        key: home?.key ?? keys.get(kind)!,
        reason: home ? `the same settings as the runs already in it: ${reason(kind)}` : reason(kind),
        runIds: free.map(({ id }) => id).sort(),
      };
    })
    .sort((a, b) => a.key.localeCompare(b.key, 'en', { numeric: true }));
}

const modelsOf = (runs: readonly RunRow[]): number => runs.reduce((sum, { models }) => sum + models, 0);

/** Networks of no family. */
const nameOfKind: Readonly<Record<string, string>> = {
  declared: 'declared network',
  exported: 'exported network',
};
const isNamelessKind = (architecture: string): boolean => Object.hasOwn(nameOfKind, architecture);

function kindsOf(runs: readonly RunRow[], configOf: (run: RunRow) => Record<string, unknown>): Kind[] {
  const usable = runs.filter(
    ({ family, architecture, state }) =>
      (family !== null || isNamelessKind(architecture)) && state !== 'broken' && state !== 'missing',
  );
  const described = usable.map((run) => ({ run, settings: settingsOf(configOf(run)) }));
  const alike = Map.groupBy(
    described,
    ({ run, settings }) => `${run.architecture} ${JSON.stringify(settings)}`,
  );
  return [...alike.values()].map((of) => ({
    architecture: of[0]!.run.architecture,
    settings: of[0]!.settings,
    runs: of.map(({ run }) => run),
  }));
}

/** The group that holds runs of this kind and no others. */
function homeOf(kind: Kind, groups: readonly Group[]): Group | undefined {
  const ids = new Set(kind.runs.map(({ id }) => id));
  return groups.find(({ members }) => members.length > 0 && members.every(({ runId }) => ids.has(runId)));
}

/** Family and sigma_F, alpha or share, and of the settings that differ within a family as many as it takes. */
function namesOf<K extends Kind>(kinds: readonly K[], groups: readonly Group[]): Map<K, string> {
  const names = new Map<K, string>();
  const taken = new Set(groups.map(({ architecture, key }) => `${architecture}/${key}`));
  for (const alike of Map.groupBy(kinds, (kind) => `${kind.architecture}/${baseName(kind)}`).values()) {
    for (const [kind, name] of toldApart(alike)) {
      let free = name;
      for (let n = 2; taken.has(`${kind.architecture}/${free}`); n++) free = `${name} (${n})`;
      taken.add(`${kind.architecture}/${free}`);
      names.set(kind, free);
    }
  }
  return names;
}

function toldApart<K extends Kind>(kinds: readonly K[]): Map<K, string> {
  let names = new Map(kinds.map((kind) => [kind, baseName(kind)]));
  const distinct = (of: Map<K, string>): number => new Set(of.values()).size;
  for (const key of differing(kinds)) {
    if (distinct(names) === kinds.length) break;
    const longer = new Map(
      [...names].map(([kind, name]) => [kind, `${name}, ${said(key, kind.settings[key])}`]),
    );
    if (distinct(longer) > distinct(names)) names = longer;
  }
  return names;
}

/** Keys whose values are not the same in all of these, the most telling first. */
function differing(kinds: readonly Kind[]): string[] {
  const keys = new Set(kinds.flatMap(({ settings }) => Object.keys(settings)));
  const place = (key: string): number => order.get(key) ?? order.size;
  return [...keys]
    .filter((key) => !unsayable.has(key) && new Set(kinds.map(({ settings }) => settings[key])).size > 1)
    .sort((a, b) => place(a) - place(b) || a.localeCompare(b));
}

function said(key: string, value: Property | undefined): string {
  const words = key.slice(key.lastIndexOf('.') + 1).replaceAll('_', ' ');
  if (value === undefined) return `no ${words}`;
  const say = details.find(([name]) => name === key)?.[1];
  return say ? say(String(value)) : `${words} ${String(value).slice(0, 40)}`;
}

function baseName({ architecture, settings, runs }: Kind): string {
  const family = runs[0]!.family;
  const sigma = settings['model.sigma_F'] ?? runs[0]!.sigmaF;
  const nameless = nameOfKind[architecture] ?? 'runs';
  const name = family === null ? nameless : familyNames[family];
  const own = ['model.alpha', 'model.share'].flatMap((key) =>
    settings[key] === undefined ? [] : [said(key, settings[key])],
  );
  return [name, ...(sigma === null ? [] : [`sigma_F ${sigma}`]), ...own].join(', ');
}

function reason(kind: Kind): string {
  const known = details.flatMap(([key]) => {
    const value = kind.settings[key];
    const isNamed = key === 'model.alpha' || key === 'model.share';
    return value === undefined || isNamed ? [] : said(key, value);
  });
  const masks = new Set(kind.runs.map((run) => run.properties['mask_seed']));
  const draws = ['model.sigma_F', 'model.num_fixed'].some((key) => kind.settings[key] !== undefined);
  const hasMasks = draws && masks.size > 1;
  return [baseName(kind), ...known, ...(hasMasks ? ['fixed weights from different seeds'] : [])].join(', ');
}
