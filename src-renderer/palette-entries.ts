/** What the palette finds besides commands, groups and runs: analyses, settings of training and words. Loaded when it opens. */
import { jobKinds, type AnyJobKind } from '../src-shared/jobs/index.ts';
import { entries as words } from './glossary.ts';
import type { PaletteEntry } from './palette-search.ts';
import { help } from './state/help.svelte.ts';
import { resultPlace } from './state/result-places.ts';
import { router } from './state/router.svelte.ts';
import { settingNames } from './training/fields.ts';
import { wantedSetting } from './training/wanted-setting.svelte.ts';

const analyses: PaletteEntry[] = Object.values<AnyJobKind>(jobKinds).flatMap(
  ({ kind, title, summary, place }) => {
    const view = resultPlace(kind);
    if (!place || !view || view === 'catalog') return [];
    return {
      ...{ id: `analysis-${kind}`, section: 'Analyses', title, note: view, more: `${kind} ${summary}` },
      run: () => router.go(view, view === 'interpolation' ? {} : { kind }),
    };
  },
);

const settings: PaletteEntry[] = settingNames.map(({ path, label }) => ({
  ...{ id: `setting-${path}`, section: 'Settings of training', title: label, note: path, more: path },
  movesFocus: true,
  run: () => {
    wantedSetting.path = path;
    router.go('train');
  },
}));

const glossary: PaletteEntry[] = words.map(({ term, meaning }) => ({
  ...{ id: `word-${term}`, section: 'Glossary', title: term, note: 'what it means', more: meaning },
  run: () => help.explain(term),
}));

export const entries: readonly PaletteEntry[] = [...analyses, ...settings, ...glossary];
