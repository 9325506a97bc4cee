/** The table of barriers as text: all digits in CSV, what a paper prints in LaTeX, names that TeX cannot misread. */
import { describe, expect, it } from 'vitest';
import {
  barriersAsCsv,
  barriersAsLatex,
  latexText,
} from '../../../src-renderer/interpolation/barrier-text.ts';
import type { Measured } from '../../../src-renderer/interpolation/measurement.svelte.ts';
import { derivedOf } from '../../../src-shared/jobs/interpolate.ts';

const lambdas = [0, 0.5, 1];
/** Curves that lose this many points, and a tenth of it in loss, in the middle. */
const measured = (key: string, losses: (number | null)[]): Measured => ({
  group: { id: key, architecture: 'mlp', key, colour: '#0072b2', notes: '', members: [] },
  ...{ align: 'none', midpoints: [], notes: [], captionNotes: [], provenance: [], resultIds: [] },
  pairs: losses.map((loss, i) => {
    const accuracy = [90, loss === null ? null : 90 - loss, 90];
    const values = [0.3, loss === null ? null : 0.3 + loss / 10, 0.3];
    return {
      ...{ model1_index: 2 * i + 1, model2_index: 2 * i + 2, epoch: 5, lambdas },
      ...{ checkpoint_path_1: `/r/${2 * i + 1}`, checkpoint_path_2: `/r/${2 * i + 2}` },
      ...{ distance: 1, normalized_distance: 1, num_params: 1, align: 'none', rescaling_ratio: 1 },
      ...{ test_accuracy: accuracy, test_loss: values },
      ...derivedOf('test', lambdas, { loss: values, accuracy }),
    };
  }),
});
const shown: Parameters<typeof barriersAsCsv>[0] = {
  unaligned: [measured('standard, "wide"', [40, 20]), measured('W σ_F=1', [1, null])],
  aligned: [measured('standard, "wide"', [2, 2])],
  ...{ split: 'test', metric: 'accuracy', barrier: 'chord' },
};

describe('the table of barriers', () => {
  it('has every number with its spread and count in CSV', () => {
    const [head, first, second] = barriersAsCsv(shown).trimEnd().split('\r\n');
    expect(head!.split(',').slice(0, 6)).toEqual([
      ...['group', 'pairs', 'test_accuracy', 'test_accuracy_std', 'test_accuracy_n', 'test_accuracy_of'],
    ]);
    expect(first).toMatch(/^"standard, ""wide""",2,90,0,4,4,3(\.0*\d*)?,/);
    const cells = second!.split(',');
    const drop = head!.split(',').indexOf('accuracy_drop_unaligned');
    // One of two pairs has a number: no spread, and it is said.
    expect(cells.slice(drop, drop + 4)).toEqual(['1', '', '1', '2']);
    // Nothing was aligned there.
    expect(cells.slice(-4)).toEqual(['', '', '', '']);
  });

  it('is a booktabs table in LaTeX', () => {
    const text = barriersAsLatex(shown, 'the chord');
    expect(text).toMatch(/^% Barriers above the chord, test split/);
    expect(text).toContain(
      'standard, "wide" & 2 & $90.0 \\pm 0.0$ & $3.000 \\pm 1.414$ & $0.200 \\pm 0.000$ & $30.0',
    );
    expect(text).toContain(
      'W $\\sigma_F$=1 & 2 & $90.0 \\pm 0.0$ & $0.100$~(1 of 2) & -- & $1.0$~(1 of 2) & --',
    );
    const rows = text.split('\n').filter((line) => line.includes(' & ') && !line.includes('multicolumn'));
    for (const row of rows) expect(row.split(' & ')).toHaveLength(7);
  });

  it.each([
    ['mlp_a & b', 'mlp\\_a \\& b'],
    ['50 % #1 {x} $5', '50 \\% \\#1 \\{x\\} \\$5'],
    ['a\\b~c^d', 'a\\textbackslash{}b\\textasciitilde{}c\\textasciicircum{}d'],
    ['W, sigma_F 0.5', 'W, $\\sigma_F$ 0.5'],
    ['λ=1', '$\\lambda$=1'],
  ])('writes %s as %s', (name, text) => {
    expect(latexText(name)).toBe(text);
  });
});
