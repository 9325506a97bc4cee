/** What the desktop app remembers between starts, besides the window's place. */
import { app } from 'electron';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

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

export function rememberWorkspace(path: string): Settings {
  const others = readSettings().recentWorkspaces.filter((known) => known !== path);
  const settings = { recentWorkspaces: [path, ...others].slice(0, 10) };
  writeFileSync(settingsFile(), JSON.stringify(settings));
  return settings;
}
