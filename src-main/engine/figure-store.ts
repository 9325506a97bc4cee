/** Saved figures: recipes, from which the same file can be drawn again. */
import { randomBytes } from 'node:crypto';
import { figureRowSchema, type FigureRow } from '../../src-shared/api.ts';
import { UserError } from '../../src-shared/errors.ts';
import { drawFigure } from '../../src-shared/figures/index.ts';
import type { Db } from './store/database.ts';

interface Row {
  id: string;
  title: string;
  kind: string;
  result_ids: string;
  recipe: string;
  created_at: number;
}

export class FigureStore {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  count(): number {
    return this.#db.prepare('SELECT count(*) FROM figures').pluck().get() as number;
  }

  list(): FigureRow[] {
    const rows = this.#db
      .prepare('SELECT * FROM figures ORDER BY created_at DESC, rowid DESC')
      .all() as Row[];
    return rows.map(figureRow);
  }

  get(id: string): FigureRow {
    const row = this.#db.prepare('SELECT * FROM figures WHERE id = ?').get(id) as Row | undefined;
    if (!row) throw new UserError(`There is no figure "${id}".`, { hint: '`basin figure list` lists them.' });
    return figureRow(row);
  }

  save(figure: Pick<FigureRow, 'title' | 'resultIds' | 'recipe'>): FigureRow {
    const id = `figure-${randomBytes(5).toString('hex')}`;
    this.#db
      .prepare(
        'INSERT INTO figures (id, title, kind, result_ids, recipe, created_at) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(
        id,
        figure.title,
        figure.recipe.kind,
        JSON.stringify(figure.resultIds),
        JSON.stringify(figure.recipe),
        Date.now(),
      );
    return this.get(id);
  }

  /** Another title or recipe, of the same kind. Throws UserError if there is no such figure, or it cannot be drawn so. */
  update(
    id: string,
    { title, recipe }: { title?: string | undefined; recipe?: FigureRow['recipe'] | undefined },
  ): FigureRow {
    const row = this.get(id);
    if (recipe !== undefined && recipe.kind !== row.recipe.kind)
      throw new UserError(`Figure "${id}" is of the kind ${row.recipe.kind}, not ${recipe.kind}.`, {
        hint: 'Save it as another figure.',
      });
    if (recipe !== undefined) drawFigure(recipe);
    this.#db
      .prepare('UPDATE figures SET title = ?, recipe = ? WHERE id = ?')
      .run(title ?? row.title, JSON.stringify(recipe ?? row.recipe), id);
    return this.get(id);
  }

  remove(id: string): void {
    this.get(id);
    this.#db.prepare('DELETE FROM figures WHERE id = ?').run(id);
  }
}

function figureRow(row: Row): FigureRow {
  return figureRowSchema.parse({
    id: row.id,
    title: row.title,
    kind: row.kind,
    resultIds: JSON.parse(row.result_ids) as unknown,
    recipe: JSON.parse(row.recipe) as unknown,
    createdAt: row.created_at,
  });
}
