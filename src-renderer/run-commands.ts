/** What can be done with the selected run, whatever view is open: for the palette. */
import type { RunRow } from '../src-shared/api.ts';
import type { Command } from './state/commands.svelte.ts';
import { engine } from './state/engine.svelte.ts';
import { selection } from './state/selection.svelte.ts';
import { canResume, canTrainLonger, resumeRuns, trainAgain } from './training/continuation.ts';
import { continuing } from './training/continuing.svelte.ts';

const selected = (): RunRow[] => selection.runIds.flatMap((id) => engine.runById.get(id) ?? []);

function only(): RunRow | undefined {
  const runs = selected();
  return runs.length === 1 ? runs[0] : undefined;
}

function whenOne(fits: (run: RunRow) => boolean): () => boolean {
  return () => {
    const run = only();
    return run !== undefined && fits(run);
  };
}

function withOne(work: (run: RunRow) => void): () => void {
  return () => {
    const run = only();
    if (run) work(run);
  };
}

const section = 'Selected runs';

export const runCommands: readonly Command[] = [
  {
    id: 'resume-training',
    title: 'Resume the training of the selected runs',
    section,
    enabled: () => selection.runIds.length > 0 && selected().every(canResume),
    run: () => void resumeRuns(selected()),
  },
  {
    id: 'train-longer',
    title: 'Train the selected run longer…',
    section,
    enabled: whenOne(canTrainLonger),
    run: withOne((run) => continuing.longer(run.id)),
  },
  {
    id: 'train-again',
    title: 'Train again with the settings of the selected run…',
    section,
    enabled: whenOne(() => true),
    run: withOne((run) => void trainAgain(run.id)),
  },
];
