/** A saved figure that was opened in its view: its style goes with it until somebody leaves the view. */
import type { FigureRow } from '../../src-shared/api.ts';
import { figureOptionsSchema, type FigureOptionsInput } from '../../src-shared/figures/index.ts';
import { router, type PlaceId } from '../state/router.svelte.ts';

class SavedStyle {
  #opened = $state.raw<{ figure: FigureRow; place: PlaceId } | null>(null);

  /** The figure whose style the open view shows figures of that kind in. */
  figureFor(kind: string | undefined): FigureRow | null {
    const opened = this.#opened;
    return opened?.place === router.route.place && opened.figure.recipe.kind === kind ? opened.figure : null;
  }

  open(figure: FigureRow, place: PlaceId): void {
    this.#opened = { figure, place };
  }

  forget(): void {
    this.#opened = null;
  }
}

export const savedStyle = new SavedStyle();

/** What of a figure's options holds on the screen too: not its size and theme, which are those of the window. */
export function screenStyle(figure: FigureRow | null): FigureOptionsInput {
  const parsed = figureOptionsSchema.safeParse(figure?.recipe.options ?? {});
  if (!parsed.success) return {};
  const { x, y, legend, title, letters } = parsed.data;
  return { legend, letters, ...(x && { x }), ...(y && { y }), ...(title !== undefined && { title }) };
}
