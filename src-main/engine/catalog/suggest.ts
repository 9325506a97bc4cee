/** Groups proposed from what the configs say: symmetry, sigma_F, norm and data. */
import type { Group, GroupSuggestion, RunRow } from '../../../src-shared/api.ts';
import { familyNames } from '../../../src-shared/domain.ts';

/** What sets runs apart besides family and sigma_F, in the order in which it is added to a key that is not unique. */
const details: { name: string; property: string; label: (value: string) => string }[] = [
  { name: 'norm', property: 'model.norm', label: (value) => `norm_${value}` },
  { name: 'data', property: 'dataset.name', label: (value) => value },
  { name: 'width', property: 'model.hidden_dim', label: (value) => `hidden${value}` },
  { name: 'layers', property: 'model.num_layers', label: (value) => `layers${value}` },
];

/**
 * One suggestion per kind of run; keys as neuron-identifiability names them (`mlp_symmetry1_kappa1`), but with sigma_F
 * unrounded, for families without one too, and never two kinds under one key. Runs that are in a group of that key
 * already, missing or broken ones are left out.
 */
export function suggestGroups(runs: readonly RunRow[], groups: readonly Group[]): GroupSuggestion[] {
  const usable = runs.filter(
    (run) => run.family !== null && run.state !== 'broken' && run.state !== 'missing',
  );
  const byKey = Map.groupBy(usable, (run) => `${run.architecture}\n${baseKey(run)}`);
  const suggestions = [...byKey.values()].flatMap((alike) => split(alike));
  return suggestions
    .map((suggestion) => withoutMembers(suggestion, groups))
    .filter((suggestion) => suggestion.runIds.length > 0)
    .sort((a, b) => a.key.localeCompare(b.key, 'en', { numeric: true }));
}

function baseKey(run: RunRow): string {
  const symmetry = run.properties['model.symmetry'];
  const scales = sigmas(run);
  return `${run.architecture}_symmetry${symmetry}${scales === '' ? '' : `_kappa${scales}`}`;
}

/** sigma_F as written: one number when all layers share it, else one per layer. */
function sigmas(run: RunRow): string {
  if (run.sigmaF === null) return '';
  const layers = Number(run.properties['model.num_layers'] ?? 1);
  const common = run.properties['model.mask_params.default.mask_constant'];
  const values = Array.from({ length: layers }, (_, layer) => {
    const own = run.properties[`model.mask_params.linear_mask_params_${layer}.mask_constant`];
    return String(own ?? common ?? run.sigmaF);
  });
  return new Set(values).size === 1 ? String(run.sigmaF) : values.join('-');
}

/** Runs under one key, told apart by whatever details differ among them. */
function split(runs: readonly RunRow[]): GroupSuggestion[] {
  const differing = details.filter(
    ({ property }) => new Set(runs.map((run) => String(run.properties[property]))).size > 1,
  );
  const keyOf = (run: RunRow): string =>
    [baseKey(run), ...differing.map(({ property, label }) => label(valueOf(run, property)))].join('_');
  return [...Map.groupBy(runs, keyOf)].map(([key, alike]) => ({
    architecture: alike[0]!.architecture,
    key,
    reason: reason(alike[0]!, differing),
    runIds: alike.map((run) => run.id).sort(),
  }));
}

function valueOf(run: RunRow, property: string): string {
  const value = run.properties[property];
  return value === null || value === undefined || value === false ? 'none' : String(value);
}

function reason(run: RunRow, differing: typeof details): string {
  const scales = sigmas(run);
  const parts = [
    run.family === null ? '' : familyNames[run.family],
    scales === '' ? '' : `sigma_F ${scales}`,
    ...differing.map(({ name, property }) => `${name} ${valueOf(run, property)}`),
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function withoutMembers(suggestion: GroupSuggestion, groups: readonly Group[]): GroupSuggestion {
  const there = groups.find((g) => g.architecture === suggestion.architecture && g.key === suggestion.key);
  const members = new Set(there?.members.map((member) => member.runId));
  return { ...suggestion, runIds: suggestion.runIds.filter((id) => !members.has(id)) };
}
