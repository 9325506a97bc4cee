/** What was typed into the form for training: kept until it is trained, over navigation, reload and restart. */
import { z } from 'zod';
import type { RunDetail } from '../../src-shared/api.ts';

const presetSchema = z.object({
  name: z.string(),
  summary: z.string(),
  config: z.record(z.string(), z.unknown()),
});
const draftSchema = z.object({
  presetName: z.string(),
  runName: z.string(),
  /** Dotted name -> what was typed. */
  edits: z.record(z.string(), z.string()),
  /** A run's settings, offered next to the presets. */
  settings: presetSchema.optional(),
});
export type Draft = z.infer<typeof draftSchema>;

const storageKey = 'basin.training';
const empty: Draft = { presetName: '', runName: '', edits: {} };

export function readDraft(): Draft {
  try {
    return draftSchema.parse(JSON.parse(localStorage.getItem(storageKey) ?? 'null'));
  } catch {
    return empty;
  }
}

export function keepDraft(draft: Draft): void {
  try {
    localStorage.setItem(storageKey, JSON.stringify(draft));
  } catch {
    // A browser that keeps nothing still trains.
  }
}

/** The form begins with the settings of a run, seeds included: as they are they train the same weights again. */
export function draftOf({ path, config }: Pick<RunDetail, 'path' | 'config'>): Draft {
  const folder = path.split(/[\\/]/).at(-1) ?? 'run';
  const { fork: _, ...settings } = config;
  const name = `${folder}-again`;
  return {
    ...empty,
    presetName: name,
    settings: { name, summary: `The settings of the run ${folder}, its seeds included.`, config: settings },
  };
}
