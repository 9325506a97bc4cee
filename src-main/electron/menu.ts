/** The application menu. Its items run the same named commands as the palette and the shortcuts. */
import { app, Menu, type BrowserWindow, type MenuItemConstructorOptions } from 'electron';
import { tellPage } from './window.ts';

export interface MenuActions {
  useLocal(): void;
  chooseWorkspace(): void;
  openRecent(path: string): void;
  recentWorkspaces: string[];
  about(): void;
}

export function setMenu(window: () => BrowserWindow | undefined, actions: MenuActions): void {
  const command = (label: string, id: string, accelerator?: string): MenuItemConstructorOptions => ({
    label,
    ...(accelerator ? { accelerator, registerAccelerator: false } : {}),
    click: () => tellPage(window(), id),
  });
  const go = (label: string, id: string, key: number | string) =>
    command(label, `go-${id}`, `CmdOrCtrl+${key}`);
  const template: MenuItemConstructorOptions[] = [
    ...(process.platform === 'darwin' ? [{ role: 'appMenu' as const }] : []),
    {
      label: 'File',
      submenu: [
        command('Import a folder…', 'import', 'CmdOrCtrl+O'),
        { type: 'separator' },
        { label: 'Open workspace…', click: () => actions.chooseWorkspace() },
        {
          label: 'Recent workspaces',
          enabled: actions.recentWorkspaces.length > 0,
          submenu: actions.recentWorkspaces.map((path) => ({
            label: path,
            click: () => actions.openRecent(path),
          })),
        },
        { type: 'separator' },
        command('Connect to engine…', 'connect'),
        { label: 'Use this machine’s engine', click: () => actions.useLocal() },
        { type: 'separator' },
        { role: 'quit' },
      ],
    },
    {
      label: 'Edit',
      submenu: [
        command('Undo', 'undo', 'CmdOrCtrl+Z'),
        command('Redo', 'redo', 'CmdOrCtrl+Shift+Z'),
        { type: 'separator' },
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'selectAll' },
      ],
    },
    {
      label: 'Go',
      submenu: [
        command('Search…', 'palette', 'CmdOrCtrl+K'),
        { type: 'separator' },
        go('Catalog and groups', 'catalog', 1),
        go('Train', 'train', 2),
        go('Sweeps', 'sweeps', 'Shift+S'),
        go('Jobs', 'jobs', 3),
        go('Interpolation', 'interpolation', 4),
        go('Matrices', 'matrices', 5),
        go('Identifiability', 'identifiability', 6),
        go('Symmetry', 'symmetry', 7),
        go('Figures', 'figures', 8),
      ],
    },
    {
      label: 'View',
      submenu: [
        command('Details panel', 'details', 'CmdOrCtrl+I'),
        { type: 'separator' },
        command('Theme: as the system', 'theme-system'),
        command('Theme: light', 'theme-light'),
        command('Theme: dark', 'theme-dark'),
        { type: 'separator' },
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
        ...(app.isPackaged ? [] : [{ role: 'toggleDevTools' as const }]),
      ],
    },
    { label: 'Help', submenu: [{ label: 'About Basin', click: () => actions.about() }] },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
