/** What is not a group but is drawn as one: a run by itself, any two checkpoints. */
import type { Group, RunRow } from '../../src-shared/api.ts';
import { colourOfRun, paletteColour } from '../../src-shared/series-colours.ts';
import type { End } from './CheckpointPair.svelte';
import { checkpoints } from './checkpoints.svelte.ts';

export function groupOfRun(run: RunRow | undefined): Group | undefined {
  if (!run) return undefined;
  const { id, architecture, name } = run;
  return {
    id: `run-${id}`,
    architecture,
    key: name,
    colour: colourOfRun(run),
    notes: '',
    members: [{ runId: id }],
  };
}

/** Undefined until both ends are chosen, and where both are the same. */
export function groupOfPair(ends: [End, End], runs: ReadonlyMap<string, RunRow>): Group | undefined {
  const found = ends.map(({ runId, model, epoch }) =>
    checkpoints.of(runId).find((row) => row.model === model && row.epoch === epoch),
  );
  const [first, second] = found;
  const architecture = runs.get(ends[0].runId)?.architecture;
  if (!first || !second || first.id === second.id || architecture === undefined) return undefined;
  const name = (row: typeof first) =>
    `${runs.get(row.runId)?.name ?? '?'} model ${row.model} epoch ${row.epoch}`;
  return {
    id: `pair-${first.id}-${second.id}`,
    architecture,
    key: `${name(first)} – ${name(second)}`,
    colour: paletteColour(0),
    notes: '',
    members: [first, second].map((row) => ({ runId: row.runId, checkpointIds: [row.id] })),
  };
}
