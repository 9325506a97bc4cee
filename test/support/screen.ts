/** A screen that nobody sees (Xvfb). */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

export const xvfb = ['/usr/bin/Xvfb', '/usr/local/bin/Xvfb'].find((path) => existsSync(path));
/** For `describe.skipIf`. With CI=true nothing is skipped: a missing screen is then a failure. */
export const noScreen = !process.env.DISPLAY && !xvfb && process.env.CI !== 'true';
if (noScreen) process.stderr.write('NOT TESTED HERE: a browser on a screen (no display, no Xvfb)\n');

export interface Screen {
  /** `:99` */
  display: string;
  close(): void;
}

/**
 * Xvfb picks a free number itself. A screen that somebody sits at is the last resort: its window manager moves windows.
 * @param size `1400x900`, pixels
 */
export async function openScreen(size: string): Promise<Screen> {
  if (!xvfb) return { display: process.env.DISPLAY!, close: () => undefined };
  const server = spawn(xvfb, ['-displayfd', '3', '-screen', '0', `${size}x24`, '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const number = await new Promise<string>((resolve, reject) => {
    server.stdio[3]!.once('data', (data: Buffer) => resolve(data.toString().trim()));
    server.once('exit', () => reject(new Error('Xvfb did not start')));
  });
  return { display: `:${number}`, close: () => server.kill() };
}
