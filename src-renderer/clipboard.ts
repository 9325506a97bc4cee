/** Text and pictures to the clipboard; what was copied is said. */
import { UserError } from '../src-shared/errors.ts';
import { notices } from './state/notices.svelte.ts';

async function write(item: ClipboardItem, said: string): Promise<void> {
  try {
    // Browsers offer it only to pages of this machine or over HTTPS, which its type does not say.
    const clipboard = navigator.clipboard as Clipboard | undefined;
    if (!clipboard) {
      throw new UserError('This page may not write to the clipboard.', {
        hint: 'Browsers allow that for 127.0.0.1 and HTTPS only: use an SSH tunnel, or save a file.',
      });
    }
    await clipboard.write([item]);
    notices.success(said);
  } catch (error) {
    notices.error(error);
  }
}

export const copyText = (text: string, what: string): Promise<void> =>
  write(new ClipboardItem({ 'text/plain': new Blob([text], { type: 'text/plain' }) }), `Copied ${what}`);

export const copyPng = (bytes: Uint8Array, what: string): Promise<void> =>
  write(
    new ClipboardItem({ 'image/png': new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'image/png' }) }),
    `Copied ${what}`,
  );
