/** `basin reproduce function-classes` and `activation-patterns`, a small part of each through the whole engine. */
import { existsSync, rmSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { basinJson, temporaryFolder } from '../support/cli.ts';

const workspace = temporaryFolder();
afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
});

interface Report {
  rows: { what: string; measured: string; holds: string | null }[];
  figures: string[];
}

async function reproduce(name: string, limit: string): Promise<Report> {
  const report = await basinJson<Report>(['reproduce', name, '--limit', limit, '--workspace', workspace], {
    timeoutMs: 230_000,
  });
  expect(report.rows.every(({ holds }) => holds === null)).toBe(true);
  expect(report.figures.every((path) => existsSync(path))).toBe(true);
  return report;
}

const numbers = /^\d\S*(, \d\S*){2}$/;

test('function-classes: trained, measured and drawn', { timeout: 240_000 }, async () => {
  const { rows, figures } = await reproduce('function-classes', 'epochs=1,settings=1');
  expect(rows.map(({ what }) => what.split(':')[0])).toEqual(['standard', 'standard', 'standard']);
  expect(rows[0]!.measured).toMatch(numbers);
  expect(rows[1]!.measured).toMatch(numbers);
  expect(figures).toHaveLength(2 * 3);
});

test('activation-patterns: trained, measured and drawn', { timeout: 240_000 }, async () => {
  const { rows, figures } = await reproduce('activation-patterns', 'epochs=1,models=2,settings=1');
  expect(rows).toHaveLength(4);
  expect(rows[0]!.what).toMatch(/epoch 0$/);
  expect(rows[1]!.what).toMatch(/epoch 1$/);
  expect(rows[2]!.measured).toMatch(/^\d+\.\d %, \d+\.\d %$/);
  expect(figures).toHaveLength(3 * 3);
});
