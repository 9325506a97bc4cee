/** What the desktop app remembers between starts, besides the window's place. */
import { app } from 'electron';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeSettingsFile } from './settings-file.ts';

const settingsSchema = z.object({
  /** Newest first; the first is opened at the next start. */
  recentWorkspaces: z.array(z.string()).max(10).catch([]),
});
export type Settings = z.infer<typeof settingsSchema>;

const settingsFile = () => join(app.getPath('userData'), 'settings.json');

export function readSettings(): Settings {
  try {
    return settingsSchema.parse(JSON.parse(readFileSync(settingsFile(), 'utf8')));
  } catch {
    return { recentWorkspaces: [] };
  }
}

export function rememberWorkspace(path: string): void {
  const others = readSettings().recentWorkspaces.filter((known) => known !== path);
  writeSettingsFile(settingsFile(), { recentWorkspaces: [path, ...others].slice(0, 10) });
}

export function forgetWorkspace(path: string): void {
  writeSettingsFile(settingsFile(), {
    recentWorkspaces: readSettings().recentWorkspaces.filter((known) => known !== path),
  });
}
