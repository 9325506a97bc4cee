/** Declared networks in the catalog. */
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../../../src-main/engine/catalog/settings.ts';
import { suggestGroups } from '../../../src-main/engine/catalog/suggest.ts';
import { summarise } from '../../../src-main/engine/catalog/summary.ts';
import { RunStore } from '../../../src-main/engine/catalog/runs.ts';
import { openDatabase } from '../../../src-main/engine/store/database.ts';
import { reportOn } from '../../../src-shared/config/report.ts';
import { residualDeclaration } from '../../support/declared-run.ts';
import { foundRun, temporaryFolder } from './support.ts';

const config = (change: object = {}): Record<string, unknown> => {
  const { layers, name: description } = structuredClone(residualDeclaration);
  return { model: { name: 'declared', description, layers, ...change }, dataset: { name: 'mnist' } };
};
const narrow = [
  { linear: { weight: 'a', shape: [4, 784] } },
  { activation: 'sigmoid' },
  { linear: { weight: 'b', shape: [10, 4] } },
];

describe('a declared network', () => {
  it('is listed as such, of no family', () => {
    expect(summarise(config())).toEqual({
      ...{ architecture: 'declared', family: null, sigmaF: null, dataset: 'mnist', widths: null },
    });
  });

  it('can be imported, or its field is named', () => {
    expect(reportOn(config(), 'c.yaml')).toEqual({ remarks: [] });
    expect(reportOn(config({ layers: [{ conv: {} }] }), 'c.yaml').problem).toMatch(
      /^c\.yaml: model\.layers\.0: one of linear, norm, activation, add was expected, found conv/,
    );
    expect(reportOn(config({ layers: 3 }), 'c.yaml').problem).toMatch(/^c\.yaml: model\.layers is 3/);
  });

  it('is read like a residual network, of which a missing field is named', () => {
    const resnet = { name: 'ResNet20', symmetry: 0, num_classes: 10, norm: 'group' };
    const of = (model: object) => reportOn({ ...config(), model }, 'c.yaml');
    expect(of({ ...resnet, depth: 20 })).toEqual({ remarks: [] });
    expect(of(resnet).problem).toMatch(/^c\.yaml: model\.depth/);
  });

  it('has the settings of its function: names of values, groups and itself do not count', () => {
    const layers = structuredClone(residualDeclaration.layers);
    Object.assign(layers[0]!, { name: 'x' });
    Object.assign(layers[4]!, { add: 'x' });
    const plain = settingsOf(config());
    expect(Object.keys(plain).filter((key) => key.startsWith('model.'))).toEqual([
      ...['model.architecture', 'model.graph', 'model.network'],
    ]);
    expect(settingsOf(config({ layers, description: 'mine' }))).toEqual(plain);
    Object.assign(layers[2]!, { activation: 'tanh' });
    expect(settingsOf(config({ layers }))).not.toEqual(plain);
  });

  it('is suggested for groups by what it is made of', () => {
    const db = openDatabase(`${temporaryFolder()}/basin.db`);
    const runs = new RunStore(db);
    for (const [path, model] of [
      ['/s/1', {}],
      ['/s/2', { description: 'the same' }],
      ['/s/3', { layers: narrow }],
    ] as const)
      runs.take({ ...foundRun(path), config: config(model) }, 'imported');
    const found = suggestGroups(runs.list(), [], ({ id }) => runs.stored(id).config);
    expect(
      found.map(({ architecture, key, runIds }) => [architecture, key, runIds.length]).toSorted(),
    ).toEqual([
      ['declared', 'declared network, of 2 linear layers, 1 activation', 1],
      ['declared', 'declared network, of 3 linear layers, 1 norm, 2 activations, 1 sum', 2],
    ]);
    db.close();
  });
});
