/** An address for one more browser, in the clipboard where the browser lets us, and to be read in any case. */
import { desktop } from './desktop.svelte.ts';
import { engine } from './engine.svelte.ts';
import { notices } from './notices.svelte.ts';

/** Seconds: long enough to copy it by hand. */
const shownFor = 60;

export async function offerNewAddress(): Promise<void> {
  const address = await engine.attempt('server.address', {});
  if (!address) return;
  // Whoever came through a tunnel or under another name of the machine passes on that way.
  const url = desktop.isDesktop
    ? address.url
    : new URL(`./${new URL(address.url).search}`, window.location.origin + window.location.pathname).href;
  const copied = await copy(url);
  notices.show(
    {
      tone: 'success',
      text: url,
      hint: `${copied ? 'It was copied to the clipboard. ' : ''}The address works only once, for one browser.`,
    },
    shownFor,
  );
}

/** There is no clipboard on a page that is served to another host without TLS. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
