/** What this person set on this machine: theme, columns, widths. Nothing here changes a result. */
import { z } from 'zod';
import { chosenColumnSchema, defaultColumns, type ChosenColumn } from '../catalog/column-layout.ts';

const stored = z.object({
  theme: z.enum(['system', 'light', 'dark']).catch('system'),
  runColumns: z.array(chosenColumnSchema).catch([...defaultColumns]),
  detailsOpen: z.boolean().catch(true),
  dismissedTrainings: z.array(z.string()).catch([]),
});

const storageKey = 'basin.preferences';

function load(): z.infer<typeof stored> {
  try {
    return stored.parse(JSON.parse(localStorage.getItem(storageKey) ?? '{}'));
  } catch {
    return stored.parse({});
  }
}

class Preferences {
  readonly #initial = load();
  theme = $state(this.#initial.theme);
  /** Columns of the run table, in their order. */
  runColumns = $state.raw<readonly ChosenColumn[]>(this.#initial.runColumns);
  detailsOpen = $state(this.#initial.detailsOpen);
  /** Stopped trainings that the Train view shall no longer offer to resume, as `JOB/ATTEMPT`. */
  dismissedTrainings = $state.raw<string[]>(this.#initial.dismissedTrainings);
  #systemDark = $state(window.matchMedia('(prefers-color-scheme: dark)').matches);

  readonly dark = $derived(this.theme === 'system' ? this.#systemDark : this.theme === 'dark');

  constructor() {
    window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => {
      this.#systemDark = event.matches;
    });
  }

  /** Call inside an effect: writes what it reads. */
  persist(): void {
    const { theme, runColumns, detailsOpen, dismissedTrainings } = this;
    const all = { theme, runColumns, detailsOpen, dismissedTrainings };
    localStorage.setItem(storageKey, JSON.stringify(all));
  }
}

export const preferences = new Preferences();
