/** What is drawn of a network: every node after what it takes, every axis with the groups that permute it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { resolveTrainable } from '../../../src-shared/config.ts';
import { drawingOf, type Drawing } from '../../../src-shared/networks/drawing.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { trainedGraphOf } from '../../../src-shared/networks/of-model.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { randomNetworks } from './random-networks.ts';

const drawn = (preset: string, overrides: string[] = []): Drawing =>
  drawingOf(readNetwork(trainedGraphOf(resolveTrainable(loadTrainingConfig(preset, overrides)))));
const parameterOf = (drawing: Drawing, name: string) =>
  drawing.nodes.flatMap(({ parameters }) => parameters).find((parameter) => parameter.name === name)!;

describe('a drawing', () => {
  it('of a standard MLP names the groups on the axes of its weights', () => {
    const drawing = drawn('standard-small');
    expect(drawing.groups.map(({ name, size, movesFixed }) => [name, size, movesFixed.length])).toEqual([
      ['P_0', 64, 0],
      ['P_1', 64, 0],
      ['P_2', 64, 0],
    ]);
    expect(parameterOf(drawing, 'lins.1.weight')).toEqual({
      ...{ name: 'lins.1.weight', shape: [64, 64], role: 'trained', groups: [['P_1'], ['P_0']] },
    });
    expect(parameterOf(drawing, 'lins.0.weight').groups).toEqual([['P_0'], []]);
    expect(parameterOf(drawing, 'lins.3.bias').groups).toEqual([[]]);
    expect(drawing.groups[0]!.axes).toContain('lins.0.weight, axis 0');
  });

  it('says what is fixed, and which groups that breaks', () => {
    const drawing = drawn('w-asymmetric-small');
    expect(parameterOf(drawing, 'lins.0.weight').fixed).toBe('F and a mask');
    expect(drawing.groups.every(({ movesFixed }) => movesFixed.length > 0)).toBe(true);
    expect(parameterOf(drawn('sparse-small'), 'lins.0.weight').fixed).toBe('a mask');
  });

  it('of a residual network has sums that take from further away', () => {
    const drawing = drawn('resnet-small');
    const places = new Map(drawing.nodes.map(({ id }, i) => [id, i]));
    const skips = drawing.nodes.filter(({ takes }, i) => takes.some((id) => i - (places.get(id) ?? i) > 1));
    expect(skips.length).toBeGreaterThanOrEqual(9);
    expect(drawing.nodes.find(({ op }) => op === 'conv2d')!.kind).toBe('3 x 3');
  });

  it('of any network is complete and in order', () => {
    fc.assert(
      fc.property(randomNetworks, ({ network }) => {
        const drawing = drawingOf(network);
        const known = new Set(drawing.inputs.map(({ id }) => id));
        for (const { id, takes } of drawing.nodes) {
          expect(takes.every((from) => known.has(from))).toBe(true);
          known.add(id);
        }
        expect(known.has(drawing.output)).toBe(true);
        const { groups } = symmetriesOf(network);
        for (const { parameters } of drawing.nodes)
          for (const { name, shape, groups: axes } of parameters) {
            expect(axes).toHaveLength(shape.length);
            axes.forEach((names, axis) => {
              const permuting = groups.filter((group) =>
                group.axes.some((each) => each.parameter === name && each.axis === axis),
              );
              expect(names).toEqual(permuting.map((group) => group.name));
            });
          }
      }),
      { numRuns: 30 },
    );
  });
});
