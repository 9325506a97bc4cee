/** Every column that the run table can have, by its id: those of all runs, of measures, and of any property of a config. */
import { engine } from '../state/engine.svelte.ts';
import { measures } from '../state/measures.svelte.ts';
import { standings } from '../state/standings.svelte.ts';
import { fixedColumns, groupsColumn, labelColumns, propertyColumn, type Column } from './columns.ts';
import { measureColumns } from './measure-columns.ts';

export class RunColumns {
  readonly builtIn: readonly Column[] = [
    ...fixedColumns,
    ...measureColumns({
      known: () => measures.known,
      of: (id) => measures.of(id),
      standing: (id) => standings.of(id),
    }),
    ...labelColumns,
    groupsColumn,
  ];
  readonly #byId = new Map(this.builtIn.map((column) => [column.id, column]));
  readonly #properties = new Map<string, Column>();

  /** Undefined for a property that no run has. */
  of(id: string): Column | undefined {
    const builtIn = this.#byId.get(id);
    if (builtIn || !engine.propertyNames.includes(id)) return builtIn;
    const column = this.#properties.get(id) ?? propertyColumn(id);
    this.#properties.set(id, column);
    return column;
  }
}
