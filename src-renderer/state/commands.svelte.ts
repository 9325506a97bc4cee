import { untrack } from 'svelte';

/** Every action that has a name: the palette lists them, shortcuts and the desktop menu run them. */

export interface Command {
  id: string;
  title: string;
  section: string;
  /** E.g. `Mod+K` (Ctrl, on a Mac Cmd), `Mod+Shift+Z`, `?`. */
  keys?: string;
  enabled?: () => boolean;
  run: () => void;
}

const mac = navigator.platform.startsWith('Mac');

class Commands {
  #sets = $state.raw<Command[][]>([]);
  readonly all = $derived(this.#sets.flat());

  /** Offers commands until the returned function is called; a view does so while it is open. */
  register(commands: Command[]): () => void {
    // Called from effects, which must not run again because the list that they extend changed.
    untrack(() => (this.#sets = [...this.#sets, commands]));
    return () => untrack(() => (this.#sets = this.#sets.filter((set) => set !== commands)));
  }

  run(id: string): void {
    const command = this.all.find((candidate) => candidate.id === id);
    if (command && (command.enabled?.() ?? true)) command.run();
  }

  /** True when the event was a shortcut and was taken. Typing in a field only ever triggers `Mod` shortcuts. */
  handleKey(event: KeyboardEvent): boolean {
    const typing = event.target instanceof HTMLElement && event.target.closest(fields);
    const pressed = keysOf(event);
    if (typing && (!pressed.startsWith('Mod+') || ['Mod+Z', 'Mod+Shift+Z', 'Mod+A'].includes(pressed)))
      return false;
    const command = this.all.findLast(
      (candidate) => candidate.keys === pressed && (candidate.enabled?.() ?? true),
    );
    if (!command) return false;
    event.preventDefault();
    command.run();
    return true;
  }
}

/** Where keys are text; in a checkbox or on a slider `Mod+Z` means the groups, as anywhere else. */
const fields = [
  'input:not([type=checkbox]):not([type=radio]):not([type=range]):not([type=color]):not([type=button])',
  'textarea',
  'select',
  '[contenteditable]',
].join(', ');

function keysOf(event: KeyboardEvent): string {
  const mod = mac ? event.metaKey : event.ctrlKey;
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  return [mod && 'Mod', event.altKey && 'Alt', event.shiftKey && key !== '?' && 'Shift', key]
    .filter(Boolean)
    .join('+');
}

/** A shortcut as people read it: `Ctrl K`, on a Mac `⌘ K`. */
export function shownKeys(keys: string): string {
  return keys.replace('Mod', mac ? '⌘' : 'Ctrl').replaceAll('+', ' ');
}

export const commands = new Commands();
