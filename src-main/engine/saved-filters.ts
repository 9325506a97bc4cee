/** Saved filters of the catalog: a small file in the workspace, which a lost catalog does not take with it. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { UserError } from '../../src-shared/errors.ts';
import { savedFilterSchema, type SavedFilter } from '../../src-shared/saved-filters.ts';
import { writeFileAtomic } from '../formats/atomic.ts';

const fileSchema = z.object({ filters: z.array(savedFilterSchema) });

export class SavedFilters {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** By name. @throws UserError for a file that is not one of ours */
  list(): SavedFilter[] {
    if (!existsSync(this.#path)) return [];
    try {
      return fileSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8'))).filters;
    } catch (error) {
      throw new UserError(`The saved filters cannot be read: ${this.#path} is damaged.`, {
        hint: 'Repair the file, or delete it to start without saved filters.',
        cause: error,
      });
    }
  }

  save(filter: SavedFilter): SavedFilter[] {
    return this.#write([...this.list().filter(({ name }) => name !== filter.name), filter]);
  }

  /** @throws UserError if there is none of that name */
  remove(name: string): SavedFilter[] {
    const all = this.list();
    const rest = all.filter((filter) => filter.name !== name);
    if (rest.length === all.length) throw new UserError(`There is no saved filter "${name}".`);
    return this.#write(rest);
  }

  #write(filters: SavedFilter[]): SavedFilter[] {
    const sorted = filters.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
    writeFileAtomic(this.#path, `${JSON.stringify({ filters: sorted }, null, 1)}\n`);
    return sorted;
  }
}
