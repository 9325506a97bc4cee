/** Checkpoints of runs by id, fetched when a view needs their files: groups hold ids, jobs take paths. */
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { CheckpointRow, Group, RunRow } from '../../src-shared/api.ts';
import { engine } from '../state/engine.svelte.ts';

class Checkpoints {
  /** Run id -> the row that the checkpoints were read for (it changes while a run grows) and the checkpoints. */
  readonly #runs = new SvelteMap<string, { row: RunRow; checkpoints: CheckpointRow[] }>();
  readonly #asked = new SvelteSet<RunRow>();

  /** Those of a run, as far as they were loaded. */
  of(runId: string): CheckpointRow[] {
    return this.#runs.get(runId)?.checkpoints ?? [];
  }

  /** Reads the checkpoints of these runs; again for a run that has changed since. */
  load(runIds: Iterable<string>): void {
    for (const runId of new Set(runIds)) {
      const row = engine.runById.get(runId);
      if (!row || this.#runs.get(runId)?.row === row || this.#asked.has(row)) continue;
      this.#asked.add(row);
      void engine.attempt('runs.get', { runId }).then((detail) => {
        this.#asked.delete(row);
        if (detail) this.#runs.set(runId, { row, checkpoints: detail.checkpointRows });
      });
    }
  }

  /** Of the members that are single checkpoints, each file once, in the order of the members. */
  singlesOf(group: Group): CheckpointRow[] {
    const found = group.members.flatMap((member) => {
      const rows = new Map(this.of(member.runId).map((row) => [row.id, row]));
      return (member.checkpointIds ?? []).flatMap((id) => rows.get(id) ?? []);
    });
    return [...new Map(found.map((row) => [row.path, row])).values()];
  }
}

export const checkpoints = new Checkpoints();

/** Runs of which single checkpoints are members. */
export function runsOfSingles(groups: readonly Group[]): string[] {
  return groups.flatMap((group) => group.members.flatMap((m) => (m.checkpointIds ? [m.runId] : [])));
}
