/** Where files and folders lie that were dropped onto the app. */
import type { DesktopBridge } from '../../src-shared/desktop.ts';

/** @param bridge the desktop app's; in a browser there is none, and no path is revealed */
export function droppedPaths(
  { files }: Pick<DataTransfer, 'files'>,
  bridge: Pick<DesktopBridge, 'pathOf'>,
): string[] {
  // Before Electron 32 a file carries its path itself, and loses it on its way through the bridge.
  const paths = [...files].map((file: File & { path?: string }) => bridge.pathOf(file) || (file.path ?? ''));
  return paths.filter((path) => path !== '');
}
