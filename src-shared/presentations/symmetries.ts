/** The permutation groups of a network: a line for each, and why the other axes stay in place. */
import { symmetriesJob } from '../jobs/symmetries.ts';
import { definePresenter } from './present.ts';

const shown = 4;

export const symmetries = definePresenter(symmetriesJob, ({ network, groups, fixed, check }) => {
  const reasons = Map.groupBy(fixed, ({ reason }) => reason);
  const nested = groups.filter(({ blocks }) => blocks.length > 0);
  const broken = groups.filter((group) => group.moves_fixed.length > 0);
  const counted = groups.length === 1 ? '1 permutation group' : `${groups.length} permutation groups`;
  const head = groups.length === 0 ? 'No two units can change places' : counted;
  const verdicts = {
    unchecked: `${head}, which were not checked.`,
    held: `${head}: units permuted at random leave the function as it is.`,
    failed: `${head}, but permuted at random they change the function${
      check && check.failed.length > 0 ? `: ${check.failed.join(', ')}` : ''
    }. They are not used.`,
  };
  return {
    verdict: verdicts[check === null ? 'unchecked' : check.ok ? 'held' : 'failed'],
    tone: check === null ? 'plain' : check.ok ? 'good' : 'bad',
    facts: [
      ['network', network],
      ...(check
        ? ([
            [
              'largest change of an output',
              check.max_relative_change === null
                ? 'not a finite number'
                : `${check.max_relative_change.toExponential(1)} of the largest output`,
            ],
          ] satisfies [string, string][])
        : []),
    ],
    table: {
      columns: ['group', 'units', 'axes that move'],
      rows: groups.map(({ name, size, axes }) => [
        ...[name, size, listed(axes.map(({ parameter, axis }) => `${parameter} ${axis}`))],
      ]),
    },
    figures: [],
    notes: [
      ...(nested.length > 0
        ? [
            `The units of ${listed(nested.map(({ name }) => name))} are blocks, each of which has groups inside.`,
          ]
        : []),
      ...(broken.length > 0
        ? [
            `${listed(broken.map(({ name }) => name))} would move entries that all models of the run share (in ${listed([...new Set(broken.flatMap((group) => group.moves_fixed))])}): with these in place, such units cannot change places.`,
          ]
        : []),
      ...[...reasons].map(
        ([reason, axes]) =>
          `Fixed (${reason}): ${listed([...new Set(axes.map(({ parameter, axis }) => `${parameter} ${axis}`))])}.`,
      ),
    ],
  };
});

function listed(names: readonly string[]): string {
  const rest = names.length - shown;
  return names.slice(0, shown).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
