/** The catalog's saved filters, as the workspace has them; every window sees the same. */
import type { SavedFilter } from '../../src-shared/saved-filters.ts';
import { engine } from './engine.svelte.ts';
import { notices } from './notices.svelte.ts';

class SavedFilters {
  list = $state.raw<readonly SavedFilter[]>([]);

  constructor() {
    engine.listen((event) => {
      if (event.type === 'filters-changed') this.list = event.filters;
    });
  }

  async refresh(): Promise<void> {
    const list = await engine.attempt('filters.list', {});
    if (list) this.list = list;
  }

  /** True if it was saved. */
  async save(filter: SavedFilter): Promise<boolean> {
    const before = this.list.find(({ name }) => name === filter.name.trim());
    const list = await engine.attempt('filters.save', filter);
    if (!list) return false;
    this.list = list;
    const name = filter.name.trim();
    if (before && before.text !== filter.text)
      notices.info(`Saved filter ${name} replaced`, { label: 'Undo', run: () => void this.save(before) });
    else notices.success(`Filter saved as ${name}`);
    return true;
  }

  async remove(filter: SavedFilter): Promise<void> {
    const list = await engine.attempt('filters.remove', { name: filter.name });
    if (!list) return;
    this.list = list;
    notices.info(`Saved filter ${filter.name} removed`, {
      label: 'Undo',
      run: () => void this.save(filter),
    });
  }
}

export const savedFilters = new SavedFilters();
