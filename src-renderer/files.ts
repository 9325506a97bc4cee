/** Bytes to a file of the person's choice: the desktop asks where, a browser downloads. */
import { notices } from './state/notices.svelte.ts';

export async function saveBytes(filename: string, bytes: Uint8Array): Promise<void> {
  if (window.basin) {
    const path = await window.basin.saveFile(filename, bytes);
    if (path !== null) notices.success(`Saved ${path}`);
    return;
  }
  const url = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]));
  const link = document.createElement('a');
  link.href = url;
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  notices.success(`Saved ${filename} to the downloads`);
}
