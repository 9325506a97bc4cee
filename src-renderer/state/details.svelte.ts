/** The details panel: beside the view where there is room, else over it and only when asked for. */
import { preferences } from './preferences.svelte.ts';

/** px of the window below which the panel would leave too little of the view. */
const enough = 980;

class DetailsPanel {
  /** The window has no room for it beside the view. */
  overlaid = $state(false);
  #over = $state(false);

  constructor() {
    const narrow = window.matchMedia(`(max-width: ${enough}px)`);
    this.overlaid = narrow.matches;
    narrow.addEventListener('change', ({ matches }) => {
      this.overlaid = matches;
      this.#over = false;
    });
  }

  get open(): boolean {
    return this.overlaid ? this.#over : preferences.detailsOpen;
  }

  set open(open: boolean) {
    if (this.overlaid) this.#over = open;
    else preferences.detailsOpen = open;
  }
}

export const details = new DetailsPanel();
