/**
 * The mouse of the screen itself, not of the page: only with it does a desktop window drag and drop, because the system
 * takes over once a drag has begun. Presses what stands on the page, found by selector and text.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** For `describe.skipIf`. With CI=true nothing is skipped: a missing program is then a failure. */
export const noScreenMouse = !existsSync('/usr/bin/xdotool') && process.env.CI !== 'true';
if (noScreenMouse)
  process.stderr.write('NOT TESTED HERE: drag and drop in the desktop window (no xdotool)\n');

interface Place {
  x: number;
  y: number;
}

export class ScreenMouse {
  readonly #page: Page;
  readonly #display: string;

  constructor(page: Page, display: string) {
    this.#page = page;
    this.#display = display;
  }

  #do(...args: (string | number)[]): void {
    execFileSync('xdotool', args.map(String), { env: { ...process.env, DISPLAY: this.#display } });
  }

  /** Centre on the screen of the first such element (with such a text), once it is there and keeps still. */
  async placeOf(selector: string, text?: RegExp): Promise<Place> {
    let before = '';
    let found: Place | null = null;
    const look = async () => {
      found = await this.#page.evaluate(centreOnScreen, [selector, text?.source ?? ''] as const);
      const still = found !== null && JSON.stringify(found) === before;
      before = JSON.stringify(found);
      return still;
    };
    await expect.poll(look, { message: `${selector} ${text?.source ?? ''}` }).toBe(true);
    return found!;
  }

  async moveTo(selector: string, text?: RegExp): Promise<void> {
    const { x, y } = await this.placeOf(selector, text);
    this.#do('mousemove', x, y);
  }

  async press(selector: string, text?: RegExp): Promise<void> {
    await this.moveTo(selector, text);
    this.#do('click', 1);
  }

  /** As a hand does: pressed, moved a little until the drag has begun, over the target, released there. */
  async drag(from: string, to: string): Promise<void> {
    const start = await this.placeOf(from);
    await this.#page.evaluate(countDragsOver, to);
    this.#do('mousemove', start.x, start.y, 'mousedown', 1);
    for (let step = 1; step <= 6; step++) this.#do('mousemove', start.x + 3 * step, start.y + 2 * step);
    const end = await this.placeOf(to);
    // The system asks the page before every step whether it may be dropped: the third was allowed by the first two.
    let side = 1;
    const overIt = async () => {
      this.#do('mousemove', end.x + (side = -side), end.y);
      return this.#page.evaluate(() => (window as unknown as { dragsOver: number }).dragsOver);
    };
    await expect.poll(overIt).toBeGreaterThanOrEqual(3);
    this.#do('mouseup', 1);
  }
}

function countDragsOver(selector: string): void {
  const counted = window as unknown as { dragsOver: number };
  counted.dragsOver = 0;
  document.addEventListener('dragover', (event) => {
    if ((event.target as Element).closest(selector)) counted.dragsOver++;
  });
}

function centreOnScreen([selector, pattern]: readonly [string, string]): Place | null {
  const named = [...document.querySelectorAll(selector)].find(
    (each) => pattern === '' || new RegExp(pattern).test((each.textContent ?? '').trim()),
  );
  if (!named || (named as HTMLButtonElement).disabled) return null;
  named.scrollIntoView({ block: 'nearest' });
  const box = named.getBoundingClientRect();
  if (box.width === 0) return null;
  // Menu bar and frame are above the page.
  const frame = {
    x: (window.outerWidth - window.innerWidth) / 2,
    y: window.outerHeight - window.innerHeight,
  };
  return {
    x: Math.round(window.screenX + frame.x + box.x + box.width / 2),
    y: Math.round(window.screenY + frame.y + box.y + box.height / 2),
  };
}
