/** The form for training: what it offers by the config, and what a change replaces. */
import { describe, expect, it } from 'vitest';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { fixedColumns } from '../../../src-renderer/catalog/columns.ts';
import { changedText, fieldsOf, valuesOf } from '../../../src-renderer/training/fields.ts';
import type { RunRow } from '../../../src-shared/api.ts';

describe('the form for training', () => {
  it('offers the loss of examples with several binary labels, and of no others', () => {
    const offered = (preset: string) => {
      const values = valuesOf(loadTrainingConfig(preset));
      return fieldsOf(values, values, {}).find(({ path }) => path.endsWith('.loss'))?.options;
    };
    expect(offered('multilabel-small')).toEqual(['binary-cross-entropy', 'soft-labels']);
    expect(offered('standard-small')).toBeUndefined();
  });

  it('says what a change replaces, a data set by its name', () => {
    const known = valuesOf(loadTrainingConfig('standard-small'));
    expect(changedText('dataset=toy', known)).toBe('instead of mnist-10k');
    expect(changedText('optimizer=sgd', known)).toBe(`instead of ${String(known.get('optimizer.name'))}`);
    expect(changedText('model.hidden_dim=32', known)).toBe('instead of 64');
    expect(changedText('model.new=1', known)).toBe('not set in the preset');
  });
});

describe('the catalog', () => {
  it('says if an accuracy is a share of labels or tokens', () => {
    const text = (dataset: string, properties: object = {}): string =>
      fixedColumns
        .find(({ id }) => id === 'accuracy')!
        .text({ dataset, properties, valAccuracy: { mean: 98, std: 1 } } as unknown as RunRow);
    expect(text('multilabel-subspace-dataset')).toMatch(/^98.* of labels$/);
    expect(text('mnist')).not.toMatch(/labels/);
    expect(text('mine', { 'dataset.task': 'next-token' })).toMatch(/^98.* of tokens$/);
  });
});
