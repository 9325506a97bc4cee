/** One colour for a family, wherever it is drawn: the app's groups, figures, the demo, the reproduced experiments. */
import { describe, expect, it } from 'vitest';
import { figureOfResults, type StoredResult } from '../../../src-main/cli/figure-from-result.ts';
import { demoCurves } from '../../../src-main/cli/demo/figure.ts';
import { demoFamilies } from '../../../src-shared/demo.ts';
import { drawFigure } from '../../../src-shared/figures/index.ts';
import { groupSchema } from '../../../src-shared/groups.ts';
import {
  colourOfRun,
  coloursOf,
  darkPalette,
  groupColour,
  groupPalette,
  seriesPalette,
} from '../../../src-shared/series-colours.ts';

const [blue, vermilion, green, purple] = seriesPalette;
const colours = (...labels: string[]) => coloursOf(labels.map((label) => ({ label })));

describe('the colour of a series', () => {
  it("is its family's, in whatever order and company", () => {
    expect(colours('standard', 'W-asymmetric σ_F=0', 'W-asymmetric σ_F=1', 'SYRE σ_F=1')).toEqual([
      ...[blue, vermilion, green, purple],
    ]);
    expect(colours('SYRE σ_F=1', 'standard')).toEqual([purple, blue]);
    expect(colours('W-asymmetric, sigma_F 0.5')).toEqual([green]);
    expect(colours('mlp w_asym kappa0')).toEqual([vermilion]);
    expect(colours('anything', 'standard')).toEqual([vermilion, blue]);
  });

  it('is the next free one if another series of the family has it, and its own if it has one', () => {
    expect(colours('W-asymmetric, σ_F = 0.5', 'W-asymmetric, σ_F = 1')).toEqual([green, blue]);
    expect(coloursOf([{ label: 'a', colour: '#0072b2' }, { label: 'standard' }, { label: 'b' }])).toEqual([
      ...['#0072b2', vermilion, green],
    ]);
  });

  it('differs among as many series as the palette has colours', () => {
    const many = colours(...Array.from({ length: 8 }, (_, i) => `layer ${i}`));
    expect(many).toEqual([...seriesPalette]);
    expect(new Set([...darkPalette]).size).toBe(seriesPalette.length);
  });

  it('is the same for a group, for a run by itself and in figures', () => {
    for (const { name, family, sigmaF } of demoFamilies) {
      const own = colours(name)[0]!;
      expect(groupColour({ key: name, architecture: 'mlp' }, []).toUpperCase(), name).toBe(own);
      expect(colourOfRun({ name: 'x', family, sigmaF }), name).toBe(own);
    }
    const pair = { lambdas: [0, 0.5, 1], test_accuracy: [90, 50, 90] };
    const curves = { none: [pair], activation: [pair], weight: [pair] } as never;
    const data = demoCurves(demoFamilies.map(({ name }) => ({ label: name, curves })));
    expect(drawFigure({ kind: 'interpolation', data }).series.map(({ colour }) => colour)).toEqual([
      ...[blue, vermilion, green, purple],
    ]);
  });

  it('of a group is that of its family in every architecture, and else the one that the fewest have', () => {
    const mlp = { architecture: 'mlp', colour: '#0072b2' };
    expect(groupColour({ key: 'standard', architecture: 'resnet' }, [mlp])).toBe('#0072b2');
    expect(groupColour({ key: 'standard', architecture: 'mlp' }, [mlp])).toBe('#d55e00');
    expect(groupColour({ key: 'mine', architecture: 'resnet' }, [mlp])).toBe('#d55e00');
    expect(groupPalette).not.toContain('#000000');
    for (const colour of groupPalette) expect(groupSchema.shape.colour.parse(colour)).toBe(colour);
  });

  it('has its counterpart on a dark ground, also if a group chose it', () => {
    const series = [
      { label: 'mine', colour: '#0072b2', lambdas: [0, 1], curves: [{ pair: '1–2', values: [1, 2] }] },
    ];
    const data = { metric: 'loss', split: 'test', panels: [{ title: 't', series }] };
    const figure = (theme: string) => drawFigure({ kind: 'interpolation', data, options: { theme } });
    expect(figure('screen-dark').series[0]!.colour).toBe(darkPalette[0]);
    expect(figure('paper').series[0]!.colour).toBe('#0072b2');
  });

  it("of a result in the terminal is its group's, as in the app", () => {
    const pair = {
      ...{ model1_index: 1, model2_index: 2, epoch: 5, lambdas: [0, 0.5, 1], align: 'none' },
      ...{ checkpoint_path_1: '/runs/a/1.pt', checkpoint_path_2: '/runs/a/2.pt' },
      ...{ distance: 1, normalized_distance: 1, num_params: 10, test_accuracy: [90, 50, 92] },
    };
    const backend = { name: 'tensorflow', version: '2.21.0', device: 'cpu', threads: 2 };
    const result = { pairs: [pair], warnings: [], split_sizes: { test: 100 }, backend };
    const stored: StoredResult = { id: '1', kind: 'interpolate', title: 'Interpolate: mlp_7', result };
    const choice = { metric: 'accuracy', split: 'test', barrier: 'chord', scale: 'linear' } as const;
    const figure = (map: Map<string, string>) => {
      const recipe = figureOfResults([stored], choice, map);
      return drawFigure(recipe).series[0]!.colour;
    };
    expect(figure(new Map([['mlp_7', '#123456']]))).toBe('#123456');
    expect(figure(new Map())).toBe(blue);
  });
});
