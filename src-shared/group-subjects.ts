/** What a question about groups asks about: the folders of their runs, or single checkpoints of them. */
import type { Group, RunRow } from './api.ts';
import { UserError } from './errors.ts';
import type { MatchedGroup } from './jobs/match-activations.ts';

/**
 * As the params of a job name groups: in their order, every run by its folder.
 * @throws UserError for a group without runs, and for a run whose folder is gone
 */
export function groupSubjects(groups: readonly Group[], runs: readonly RunRow[]): MatchedGroup[] {
  const byId = new Map(runs.map((run) => [run.id, run]));
  return groups.map(({ key, architecture, members }) => {
    if (members.length === 0) throw new UserError(`Group ${key} has no runs.`);
    const same = groups.filter((other) => other.key === key);
    return {
      name: same.length > 1 ? `${architecture} ${key}` : key,
      runs: members.map(({ runId, checkpointIds }) => {
        const run = byId.get(runId);
        if (run && run.state !== 'missing') {
          return { run: run.path, ...(checkpointIds && { only: checkpointIds.flatMap(placeOf) }) };
        }
        throw new UserError(`Group ${key}: the folder of run ${run?.name ?? runId} is missing.`, {
          hint: 'Use `basin runs relocate` to tell Basin where it is now.',
        });
      }),
    };
  });
}

/** Epoch and model of a checkpoint's id, `RUN/e5m1`. */
function placeOf(id: string): [number, number][] {
  const place = /e(\d+)m(\d+)$/.exec(id);
  return place ? [[Number(place[1]), Number(place[2])]] : [];
}
