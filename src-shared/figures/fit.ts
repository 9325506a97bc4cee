/** How panels fit the width: as many side by side as can be read, and tall enough for their ticks. */
import type { FigureSpec, PanelSpec } from './layout.ts';

/** pt. A panel with its share of the labels is never narrower, if it can go into a further row. */
const narrowest = 100;
/** pt. Panels narrower than this are nearly square, else their y axis has room for two ticks. */
const slim = 150;
/** pt. A panel wider than this is a page to itself: it stays low. */
const broad = 300;
const lowest = 0.48;

type Fitted = Pick<FigureSpec, 'rows' | 'aspect' | 'shareY'>;
type Made = Fitted & Pick<FigureSpec, 'colourBars' | 'fixedAspect' | 'flow'>;

/** Rows and proportion of panels for a figure of `width` pt. Rows that mean something stay as they are. */
export function fitPanels(made: Made, width: number): Fitted {
  const { rows, aspect, shareY } = made;
  const flows = (rows.length === 1 || made.flow === true) && (made.colourBars ?? []).length <= 1;
  const most = Math.max(1, Math.floor(width / narrowest));
  const columns = Math.max(...rows.map((row) => row.length));
  const wrapped = flows && columns > most ? chunks(rows.flat(), most) : rows;
  const used = Math.max(...wrapped.map((row) => row.length));
  const free = made.fixedAspect !== true;
  const tall = free && used > 1 && width / used < slim;
  const low = free && wrapped.length === 1 && width / used > broad;
  return {
    rows: wrapped,
    aspect: tall
      ? Math.max(aspect, wrapped.length > 1 ? 0.85 : 0.95)
      : low
        ? Math.min(aspect, lowest)
        : aspect,
    ...(shareY !== undefined && { shareY: wrapped !== rows && shareY === 'row' ? 'all' : shareY }),
  };
}

/** pt. Height of a figure whose panel has a proportion of its own and would fill a page; undefined if it would not. */
export function heightLimit(width: number, height: number): number | undefined {
  const most = 0.62 * width;
  return width > broad && height > most ? most : undefined;
}

/** Rows of about equal length. */
function chunks(panels: readonly PanelSpec[], most: number): PanelSpec[][] {
  const count = Math.ceil(panels.length / most);
  const each = Math.ceil(panels.length / count);
  return Array.from({ length: count }, (_, i) => panels.slice(i * each, (i + 1) * each));
}
