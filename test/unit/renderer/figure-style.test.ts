/** The form for a figure's look: from options to fields and back, and which field a refusal is about. */
import { describe, expect, it } from 'vitest';
import { drawFigure } from '../../../src-shared/figures/index.ts';
import { styleForm, styleOptions, styleProblem } from '../../../src-renderer/figures/style.ts';
import { figureSamples } from '../../support/figure-samples.ts';

describe('the form of a style', () => {
  it.each([
    { theme: 'paper', letters: false, size: 'double' },
    { theme: 'screen-dark', letters: true, size: 'single', legend: 'inside', title: 'T', fontSize: 9 },
    { theme: 'paper', letters: false, size: { width: 86, unit: 'mm' }, y: { range: [0, 1] } },
    {
      ...{ theme: 'paper', letters: false, size: { width: 3, height: 2, unit: 'in' } },
      x: { scale: 'log', label: 'k', panel: 2 },
    },
  ])('gives back the options %o', (options) => {
    expect(styleOptions(styleForm(options))).toEqual(options);
  });

  it('keeps the length of a size in a unit that it has no field for', () => {
    expect(styleOptions(styleForm({ size: { width: 8.6, height: 5, unit: 'cm' } })).size).toEqual({
      ...{ width: 86, height: 50, unit: 'mm' },
    });
    expect(styleOptions(styleForm({ size: { width: 216, unit: 'pt' } })).size).toEqual({
      width: 3,
      unit: 'in',
    });
  });

  it('has the fields of no style for options that a newer version wrote', () => {
    expect(styleForm({ glow: 3 })).toEqual(styleForm({}));
  });

  it('knows the field of what is refused', () => {
    const refused = (change: (form: ReturnType<typeof styleForm>) => void) => {
      const form = styleForm({});
      change(form);
      try {
        drawFigure({ kind: 'histogram', data: figureSamples.histogram, options: styleOptions(form) });
      } catch (error) {
        return styleProblem((error as Error).message);
      }
      return null;
    };
    expect(refused(() => undefined)).toBeNull();
    expect(refused((form) => (form.x.low = 3))).toEqual({
      field: 'x.range',
      text: 'Give both ends, or none.',
    });
    expect(refused((form) => Object.assign(form.y, { low: 3, high: 3 }))).toMatchObject({ field: 'y.range' });
    expect(refused((form) => (form.y.scale = 'log'))).toMatchObject({ field: 'y.scale' });
    expect(refused((form) => Object.assign(form, { panel: 4, y: { ...form.y, label: 'a' } }))).toMatchObject({
      field: 'panel',
    });
    expect(refused((form) => Object.assign(form, { size: 'custom', width: null }))).toMatchObject({
      field: 'size',
    });
    expect(refused((form) => (form.fontSize = 900))).toMatchObject({ field: 'fontSize' });
    expect(refused((form) => Object.assign(form, { size: 'custom', width: 0.3 }))).toMatchObject({
      field: undefined,
      text: expect.stringContaining('too small') as string,
    });
  });
});
