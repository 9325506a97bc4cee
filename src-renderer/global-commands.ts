/** Actions that are there whatever view is open. */
import { runCommands } from './run-commands.ts';
import { commands, type Command } from './state/commands.svelte.ts';
import { desktop } from './state/desktop.svelte.ts';
import { details } from './state/details.svelte.ts';
import { engine } from './state/engine.svelte.ts';
import { help } from './state/help.svelte.ts';
import { imports } from './state/imports.svelte.ts';
import { machine } from './state/machine.svelte.ts';
import { offerNewAddress } from './state/new-address.ts';
import { notices } from './state/notices.svelte.ts';
import { palette } from './state/palette.svelte.ts';
import { preferences } from './state/preferences.svelte.ts';
import { places, router } from './state/router.svelte.ts';

async function step(direction: 'undo' | 'redo'): Promise<void> {
  const what = engine.groups[direction];
  const state = await engine.attempt(`groups.${direction}`, {});
  if (state && what) notices.info(`${direction === 'undo' ? 'Undone' : 'Redone'}: ${what}`);
}

export function registerGlobalCommands(): () => void {
  const list: Command[] = [
    { id: 'palette', title: 'Search…', section: 'Go', keys: 'Mod+K', run: () => (palette.open = true) },
    ...places.map((place) => ({
      id: `go-${place.id}`,
      title: `Go to ${place.title}`,
      section: 'Go',
      keys: `Mod+${place.key}`,
      run: () => router.go(place.id),
    })),
    {
      id: 'shortcuts',
      title: 'Keyboard shortcuts',
      section: 'Help',
      keys: '?',
      run: () => (help.shortcuts = true),
    },
    {
      id: 'glossary',
      title: 'Glossary: what the words mean',
      section: 'Help',
      run: () => help.explain(''),
    },
    {
      id: 'import',
      title: 'Import a folder…',
      section: 'Catalog',
      keys: 'Mod+O',
      run: () => (imports.open = true),
    },
    {
      id: 'adopt',
      title: 'Make a run from a PyTorch network or weight files…',
      section: 'Catalog',
      run: () => (imports.adopting = []),
    },
    ...(desktop.isDesktop
      ? [
          {
            id: 'connect',
            title: 'Connect to engine…',
            section: 'Engine',
            run: () => (desktop.connecting = true),
          },
        ]
      : []),
    {
      id: 'machine',
      title: 'This machine: back end, GPU, compiling…',
      section: 'Engine',
      run: () => machine.show(),
    },
    {
      id: 'new-address',
      title: 'New address for another browser',
      section: 'Engine',
      enabled: () => typeof engine.info?.served === 'string',
      run: () => void offerNewAddress(),
    },
    {
      id: 'undo',
      title: 'Undo the last change to groups or runs',
      section: 'Catalog',
      keys: 'Mod+Z',
      enabled: () => engine.groups.undo !== null,
      run: () => void step('undo'),
    },
    {
      id: 'redo',
      title: 'Redo the change to groups or runs',
      section: 'Catalog',
      keys: 'Mod+Shift+Z',
      enabled: () => engine.groups.redo !== null,
      run: () => void step('redo'),
    },
    ...(['system', 'light', 'dark'] as const).map((theme) => ({
      id: `theme-${theme}`,
      title: theme === 'system' ? 'Theme: as the system' : `Theme: ${theme}`,
      section: 'View',
      run: () => {
        preferences.theme = theme;
      },
    })),
    {
      id: 'details',
      title: 'Show or hide the details panel',
      section: 'View',
      keys: 'Mod+I',
      run: () => {
        details.open = !details.open;
      },
    },
  ];
  return commands.register([...list, ...runCommands]);
}
