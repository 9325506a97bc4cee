/** The demo: what it says follows from its numbers; and one whole run of it, on real digits. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { demoMeaning, demoTable, trapSentence, wrap } from '../../src-main/cli/demo/report.ts';
import type { FamilySummary, Spread, Treatment } from '../../src-main/cli/demo/summary.ts';
import { modelAccuracies, spread, summarise } from '../../src-main/cli/demo/summary.ts';
import type { Interpolation } from '../../src-shared/jobs/interpolate.ts';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';

const plain = { bold: same, dim: same, good: same, bad: same };
function same(text: string): string {
  return text;
}

function family(name: string, barriers: [number, number, number, number]): FamilySummary {
  const [none, activation, weight, script] = barriers.map((mean) => ({ mean, std: 1 }));
  const drops = { none: none!, activation: activation!, weight: weight!, reference_lmc_script: script! };
  const pair = {
    models: [1, 2] as [number, number],
    test_accuracy_drop: { none: 0, activation: 0, weight: 0, reference_lmc_script: 0 },
    test_barrier_height: { none: 0, activation: 0, weight: 0, reference_lmc_script: 0 },
  };
  return {
    name,
    family: 'standard',
    sigma_f: null,
    run_directory: '/runs/x',
    test_accuracy: { mean: 94.5, std: 0.6 },
    test_accuracy_drop: drops,
    test_barrier_height: drops,
    pairs: Array.from({ length: 6 }, () => pair),
  };
}

function curve(model1: number, model2: number, accuracy: number[], barrier: number): Interpolation {
  return {
    model1_index: model1,
    model2_index: model2,
    lambdas: [0, 0.5, 1],
    test_accuracy: accuracy,
    test_barrier_height: barrier,
  } as Interpolation;
}

describe('the summary of a family', () => {
  test('counts each network once, whatever pairs it is in', () => {
    const curves = [
      curve(1, 2, [90, 50, 92], -45),
      curve(1, 3, [90, 60, 94], -36),
      curve(2, 3, [92, 70, 94], -25),
    ];
    expect(modelAccuracies(curves)).toEqual([90, 92, 94]);
    const about = { name: 'x', family: 'syre' as const, sigmaF: 1, runDirectory: '/r' };
    const treated = { none: curves, activation: curves, weight: curves, reference_lmc_script: curves };
    const found = summarise(about, treated);
    expect(found.test_accuracy).toEqual({ mean: 92, std: 2 });
    expect(found.test_barrier_height.none.mean).toBeCloseTo(-106 / 3, 12);
    // Below the chords: 91 - 50, 92 - 60, 93 - 70.
    expect(found.test_accuracy_drop.none.mean).toBeCloseTo((41 + 32 + 23) / 3, 12);
    expect(found.pairs[1]!.test_accuracy_drop.weight).toBe(32);
    expect(found.pairs.map((pair) => pair.models)).toEqual([
      [1, 2],
      [1, 3],
      [2, 3],
    ]);
  });

  test('is refused, by name of the pair, where a point is not finite', () => {
    const broken = { ...curve(1, 2, [90, 50, 92], -45), test_accuracy: [90, null, 92] };
    const treated = {
      none: [broken],
      activation: [broken],
      weight: [broken],
      reference_lmc_script: [broken],
    };
    const about = { name: 'x', family: 'syre' as const, sigmaF: 1, runDirectory: '/r' };
    expect(() => summarise(about, treated)).toThrow(/models 1–2.*not finite/);
  });

  test('spread is the sample standard deviation', () => {
    expect(spread([1, 2, 3, 4]).std).toBeCloseTo(Math.sqrt(5 / 3), 12);
    expect(spread([7])).toEqual({ mean: 7, std: 0 });
  });
});

describe('what the demo says', () => {
  const clear = [family('standard', [-39, -1.5, -1.4, -34]), family('SYRE', [-1.2, -1.3, -1.2, -74])];

  test('follows from the numbers', () => {
    const sentences = demoMeaning(clear).join(' ');
    expect(sentences).toMatch(/standard lose 39 %/);
    expect(sentences).toMatch(/SYRE lose only 1 %/);
    expect(trapSentence(clear)).toMatch(/lose 34 to 74 %/);
  });

  test('no merit of fixed weights where standard networks can be merged too', () => {
    const wide = [family('standard', [-3.6, -0.8, -0.8, -4]), family('SYRE', [-0.5, -0.5, -0.5, -74])];
    const sentences = demoMeaning(wide).join(' ');
    expect(sentences).toMatch(/standard and SYRE lose only 1 to 4 % and no family loses clearly more/);
    expect(sentences).not.toMatch(/with these fixed weights/);
  });

  test('claims nothing where nothing shows', () => {
    const dull = [family('standard', [-10, -9, -9, -9])];
    expect(demoMeaning(dull)).toEqual([expect.stringMatching(/^Not clear: no family shows/)]);
    expect(trapSentence(dull)).not.toMatch(/lose/);
  });

  test('fits: the table’s lines are equally long, sentences are wrapped', () => {
    const lines = demoTable(clear, plain).split('\n');
    expect(new Set(lines.map((line) => [...line].length)).size).toBe(1);
    expect(wrap('one two three four', 9, '  ').split('\n')).toEqual(['one two', '  three', '  four']);
  });
});

interface Document {
  families: {
    name: string;
    family: string;
    sigma_f: number | null;
    test_accuracy: Spread;
    test_barrier_height: Record<Treatment, Spread>;
    run_directory: string;
  }[];
  figures: string[];
  backend: { name: string };
  workspace: string;
}

describe('basin demo', () => {
  const workspace = temporaryFolder();
  afterAll(() => {
    rmSync(workspace, { recursive: true, force: true });
  });

  test('shows the main result and leaves it in the catalog', { timeout: 900_000 }, async () => {
    const outcome = await basin(['demo', '--json', '--workspace', workspace], { timeoutMs: 880_000 });
    expect(outcome.stderr).not.toMatch(/basin: /);
    expect(outcome.code).toBe(0);
    const { families, figures, backend } = JSON.parse(outcome.stdout) as Document;
    expect(backend.name).toMatch(/tensorflow|wasm|cpu/);
    expect(families.map(({ family: name, sigma_f }) => [name, sigma_f])).toEqual([
      ['standard', null],
      ['w-asymmetric', 0],
      ['w-asymmetric', 1],
      ['syre', 1],
    ]);
    const unaligned = families.map((f) => f.test_barrier_height.none.mean);
    expect(Math.max(unaligned[0]!, unaligned[1]!)).toBeLessThan(-20);
    expect(Math.min(unaligned[2]!, unaligned[3]!)).toBeGreaterThan(-7);
    for (const { test_accuracy, test_barrier_height } of families) {
      expect(test_accuracy.mean).toBeGreaterThan(80);
      expect(test_barrier_height.activation.mean).toBeGreaterThan(-10);
    }
    expect(figures.map((path) => path.slice(-4))).toEqual(['.svg', '.pdf', '.png']);
    expect(figures.every((path) => isAbsolute(path) && existsSync(path))).toBe(true);
    expect(readFileSync(figures[0]!, 'utf8')).toContain('<text');
    expect(readFileSync(figures[1]!, 'latin1')).toMatch(/^%PDF-/);
    await expectCatalog();
  });

  async function expectCatalog(): Promise<void> {
    const list = (...args: string[]): Promise<unknown> => basinJson([...args, '--workspace', workspace]);
    expect(await list('runs')).toHaveLength(4);
    expect(await list('groups')).toMatchObject({ groups: { length: 4 } });
    expect(await list('results', 'interpolate')).toHaveLength(16);
    expect(await list('figure', 'list')).toHaveLength(1);
  }
});
