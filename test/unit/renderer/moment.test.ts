/** Times as people read them: by this machine's clock, with the date if it was another day. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { moment } from '../../../src-renderer/format.ts';

const zone = process.env['TZ'];

beforeEach(() => {
  process.env['TZ'] = 'Europe/Berlin';
  vi.useFakeTimers({ now: Date.parse('2026-07-02T08:00:00+02:00') });
});
afterEach(() => {
  vi.useRealTimers();
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

it.each([
  ['2026-07-02T07:05:00+02:00', '07:05'],
  // Still yesterday where clocks show world time.
  ['2026-07-02T00:30:00+02:00', '00:30'],
  ['2026-07-01T00:30:00+02:00', '2026-07-01 00:30'],
  ['2026-01-09T23:59:00+01:00', '2026-01-09 23:59'],
])('%s is %s', (when, text) => {
  expect(moment(Date.parse(when))).toBe(text);
});
