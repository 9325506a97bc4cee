/** The settings of every kind of analysis, as a form shows them. */
import { describe, expect, it } from 'vitest';
import { checkpointWants, fieldsOf, valueName } from '../../../src-renderer/analysis/fields.ts';
import { jobKindNamed } from '../../../src-shared/jobs/index.ts';
import { paramSchema, type ParamSchema } from '../../../src-shared/jobs/schema.ts';

const schemaOf = (kind: string): ParamSchema => paramSchema(jobKindNamed(kind).params);

describe('fields of a form', () => {
  it('are named in words', () => {
    const labels = (kind: string) => {
      const { first, more } = fieldsOf(schemaOf(kind), []);
      return Object.fromEntries([...first, ...more].map(({ name, label }) => [name, label]));
    };
    expect(labels('linear-components')).toMatchObject({ learningRate: 'Learning rate', width: 'Width' });
    expect(labels('chord-deviation')).toMatchObject({ sigmaF: 'σ_F', width: 'Hidden units' });
    // One name, two meanings.
    expect(labels('interpolate').steps).toBe('Intervals');
    expect(labels('weight-decay-study').steps).toBe('Training steps');
    expect(valueName('post_activation_function')).toBe('post activation function');
    expect(valueName('pearson_correlation')).toBe('Pearson correlation');
  });

  it('leave out what has no effect, and keep back what few people change', () => {
    const { first, more } = fieldsOf(schemaOf('match-activations'), ['run']);
    const names = [...first, ...more].map(({ name }) => name);
    expect(names).not.toContain('steps');
    expect(names).not.toContain('run');
    expect(more.map(({ name }) => name)).toEqual(expect.arrayContaining(['checkpoints', 'pairs']));
    expect(first.map(({ name }) => name)).toEqual(expect.arrayContaining(['mode', 'randomCount']));
  });

  it('know which of them take several of their values', () => {
    const fields = fieldsOf(schemaOf('match-activations'), []);
    const mode = fields.first.find(({ name }) => name === 'mode')!;
    expect(mode.several).toBe(true);
    expect(mode.choices).toContain('dot_product');
    expect(mode.schema.description).not.toContain('list');
    const split = fieldsOf(schemaOf('realization-cost'), []).first.find(({ name }) => name === 'split')!;
    expect(split).toMatchObject({ several: false, choices: ['train', 'val', 'test'] });
  });

  it.each([
    ['match-activations', 'several', 'several', 'epochs'],
    ['realization-cost', 'several', 'several', 'epoch'],
    ['similarity', 'several', 'several', 'epochs'],
  ])('%s needs checkpoints of the catalog', (kind, model, epoch, epochName) => {
    const both = kind === 'match-activations';
    expect(checkpointWants(schemaOf(kind))).toEqual({
      ...{ run: 'needed', model, epoch, epochName },
      ...{ epochsNeeded: both, groups: both },
    });
  });

  it('lets networks made on the spot stand in for a run where a kind can make them', () => {
    expect(checkpointWants(schemaOf('symmetry-curve'))).toMatchObject({ run: 'optional', model: 'one' });
    expect(checkpointWants(schemaOf('linear-components'))).toBeUndefined();
    // There `layers` is how deep the networks are, which is the first thing to choose.
    expect(fieldsOf(schemaOf('linear-components'), []).first[0]!.name).toBe('layers');
  });
});
