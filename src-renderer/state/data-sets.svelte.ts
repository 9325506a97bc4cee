/** The data sets that can be named, as the engine lists them; asked for again when one was added. */
import type { DataSetRow } from '../../src-shared/data-list.ts';
import { engine } from './engine.svelte.ts';

class DataSets {
  rows = $state.raw<DataSetRow[]>([]);

  async refresh(): Promise<void> {
    const rows = await engine.attempt('data.list', {});
    if (rows) this.rows = rows;
  }

  /** Those whose examples are here. */
  get usable(): DataSetRow[] {
    return this.rows.filter(
      ({ state, problem }) =>
        problem === null && (state === 'embedded' || state === 'fetched' || state === 'added'),
    );
  }

  named(name: string): DataSetRow | undefined {
    return this.rows.find((row) => row.name === name);
  }
}

export const dataSets = new DataSets();
