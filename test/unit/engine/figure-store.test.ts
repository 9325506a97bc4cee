/** Saved figures: another title or style changes them in place, and never into something that cannot be drawn. */
import { afterAll, expect, it } from 'vitest';
import { FigureStore } from '../../../src-main/engine/figure-store.ts';
import { openDatabase } from '../../../src-main/engine/store/database.ts';
import { figureSamples } from '../../support/figure-samples.ts';
import { temporaryFolder } from './support.ts';

const db = openDatabase(`${temporaryFolder()}/basin.db`);
afterAll(() => {
  db.close();
});
const store = new FigureStore(db);
const recipe = { kind: 'histogram', data: figureSamples.histogram, options: {} };
const { id } = store.save({ title: 'costs', resultIds: ['r1'], recipe });

it('keeps a new title and a new style, and the results behind them', () => {
  const styled = { ...recipe, options: { y: { label: 'pairs' }, size: 'single' } };
  expect(store.update(id, { title: 'swap costs', recipe: styled })).toMatchObject({
    ...{ id, title: 'swap costs', resultIds: ['r1'] },
    recipe: styled,
  });
  expect(store.update(id, { title: 'costs' }).recipe).toEqual(styled);
  expect(store.list()).toHaveLength(1);
});

it('refuses what cannot be drawn, another kind and an unknown figure, and stays as it was', () => {
  const before = store.get(id);
  const log = { ...recipe, options: { y: { scale: 'log' } } };
  expect(() => store.update(id, { recipe: log })).toThrow(/figure\.options\.y\.scale/);
  const other = { kind: 'scatter', data: figureSamples.scatter, options: {} };
  expect(() => store.update(id, { recipe: other })).toThrow(/of the kind histogram, not scatter/);
  expect(() => store.update('figure-none', { title: 'x' })).toThrow('There is no figure "figure-none".');
  expect(store.get(id)).toEqual(before);
});
