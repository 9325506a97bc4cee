/** Weights of exported networks of which some entries stay as they were drawn: `model.family`. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { readRunDirectory } from '../../../src-main/formats/run-directory.ts';
import { readRun } from '../../../src-main/compute/load-models.ts';
import { summarise } from '../../../src-main/engine/catalog/summary.ts';
import { configWith, resolveTrainable } from '../../../src-shared/config.ts';
import { exportedSection } from '../../../src-shared/config/exported.ts';
import { withExportedFamily } from '../../../src-shared/config/exported-family.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { countsOf } from '../../../src-shared/networks/counts.ts';
import { drawingOf } from '../../../src-shared/networks/drawing.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { job } from '../../support/job.ts';
import { exportedFixture, lowered } from './files.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-exported-families-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const timeout = 300_000;
const adopted = join(folder, 'adopted');
const family = { name: 'w-asymmetric', parameters: ['*.weight'], num_fixed: 7, sigma_f: 2 };

const configOf = (own: object, more: object = {}): Record<string, unknown> => {
  const { model, ...config } = readRunDirectory(adopted).config;
  return {
    ...{ ...config, model: { ...(model as object), family: own } },
    dataset: { name: 'mnist-10k', batch_size: 400, val_split: 0.1 },
    optimizer: { name: 'adamw', lr: 0.01, weight_decay: 0.5 },
    training: { num_epochs: 2, save_every: 1 },
    ...{ num_models: 2, seed: 1, mask_seed: 3 },
    ...more,
  };
};

async function trained(name: string, own: object, more: object = {}): Promise<JobResult<'train'>> {
  return job('train', { run: join(folder, name), config: configOf(own, more) });
}

function tensorsOf(run: string, epoch: number, model: number): Map<string, Float32Array> {
  const path = join(folder, run, `checkpoint_epoch_${epoch}_model_${model}.safetensors`);
  const checkpoint = openCheckpoint(path);
  try {
    return new Map(
      [...checkpoint.tensors].map(([key, tensor]) => [key, Float32Array.from(tensor.readFloat64())]),
    );
  } finally {
    checkpoint.close();
  }
}

/** Places at which all these are the same, bit for bit. */
const sharedPlaces = ([first, ...others]: Float32Array[]): number[] =>
  [...first!.keys()].filter((i) => others.every((other) => Object.is(other[i], first![i])));

const everything = (run: string, name: string): Float32Array[] =>
  [0, 1, 2].flatMap((epoch) => [1, 2].map((model) => tensorsOf(run, epoch, model).get(name)!));

beforeAll(async () => {
  await job('adopt', { network: exportedFixture('digits.pt2'), directory: adopted });
  await trained('whole', family);
}, timeout);

describe('fixed entries of an exported network', () => {
  it.each([
    ['conv.weight', 8, 25],
    ['fc.weight', 10, 128],
  ])('stay as they were drawn, the same in all models, and nothing else does: %s', (name, rows, size) => {
    const places = sharedPlaces(everything('whole', name));
    const perRow = Array.from({ length: rows }, (_, row) =>
      places.filter((i) => Math.floor(i / size) === row),
    );
    expect(perRow.map(({ length }) => length)).toEqual(new Array(rows).fill(7));
    const fixed = places.map((i) => tensorsOf('whole', 2, 1).get(name)![i]!);
    const deviation = Math.sqrt(fixed.reduce((sum, value) => sum + value ** 2, 0) / fixed.length);
    // 56 or 70 draws of sigma_F times a standard normal.
    expect(deviation).toBeGreaterThan(2 * 0.75);
    expect(deviation).toBeLessThan(2 * 1.25);
  });

  it('are in the tensors that the state dict has, and no others are stored', () => {
    const statistics = ['running_mean', 'running_var', 'num_batches_tracked'].map((word) => `bn.${word}`);
    expect([...tensorsOf('whole', 2, 1).keys()].toSorted()).toEqual(
      ['conv.weight', 'bn.weight', 'bn.bias', ...statistics, 'fc.weight', 'fc.bias'].toSorted(),
    );
  });

  it('begin where they end, so that a fork and an interpolation need nothing else', async () => {
    const run = join(folder, 'whole');
    const child = join(folder, 'child');
    await job('train', { run: child, fork: { parent: run, epoch: 1, child: 1, settings: [] } });
    const name = 'fc.weight';
    const line = await job<Interpolation>('interpolate', {
      run,
      epoch: 2,
      steps: 2,
      splits: ['test'],
    });
    expect(line.test_loss!.map(Number).every((loss) => Number.isFinite(loss))).toBe(true);
    const both = [...everything('whole', name), tensorsOf('child', 2, 1).get(name)!];
    expect(sharedPlaces(both)).toHaveLength(70);
  });

  it(
    'go on exactly where training stopped, as other networks do',
    async () => {
      for (const [name, own, optimizer] of [
        ['adamw', family, undefined],
        ['sgd', family, { name: 'sgd', lr: 0.05, momentum: 0.9, weight_decay: 0.01 }],
        ['plain', { name: null }, undefined],
      ] as const) {
        await trained(`whole-${name}`, own, optimizer && { optimizer });
        const [whole, cut] = [join(folder, `whole-${name}`), join(folder, `cut-${name}`)];
        cpSync(whole, cut, { recursive: true });
        for (const file of readdirSync(cut)) if (/_epoch_2_/.test(file)) rmSync(join(cut, file));
        const resumed = await job<JobResult<'train'>>('train', { run: cut, resume: true });
        expect(resumed.resumed_from).toBe(1);
        const last = readdirSync(whole).filter((file) => /_epoch_2_/.test(file));
        expect(last).toHaveLength(4); // weights and optimizer state of two models
        for (const file of last)
          expect(
            readFileSync(join(cut, file)).equals(readFileSync(join(whole, file))),
            `${name}: ${file}`,
          ).toBe(true);
      }
    },
    timeout,
  );

  it(
    'are drawn by mask_seed, whatever the other seeds are',
    async () => {
      const short = { training: { num_epochs: 0 } };
      await trained('other-seed', family, { ...short, seed: 2 });
      await trained('other-mask', family, { ...short, mask_seed: 4 });
      const name = 'fc.weight';
      const placesWith = (run: string): number =>
        sharedPlaces([...everything('whole', name), tensorsOf(run, 0, 1).get(name)!]).length;
      expect([placesWith('other-seed'), placesWith('other-mask')]).toEqual([70, 0]);
      const checkpoints = ['whole', 'other-mask'].map((run) =>
        join(folder, run, `checkpoint_epoch_0_model_1.safetensors`),
      );
      await expect(job('interpolate', { checkpoints, steps: 2, splits: ['test'] })).rejects.toThrow(
        'what is fixed of',
      );
    },
    timeout,
  );

  it('must be what the seed of the run gives, or training does not go on', async () => {
    const other = join(folder, 'other');
    cpSync(join(folder, 'whole'), other, { recursive: true });
    for (const file of readdirSync(other)) if (/_epoch_2_/.test(file)) rmSync(join(other, file));
    const config = readFileSync(join(other, 'config.yaml'), 'utf8');
    writeFileSync(join(other, 'config.yaml'), config.replace('mask_seed: 3', 'mask_seed: 4'));
    await expect(job('train', { run: other, resume: true })).rejects.toThrow(
      'entries of "conv.weight" that stay fixed are not those that mask_seed (4) gives',
    );
  });

  it(
    'are 0 in sparse networks, a share of every row',
    async () => {
      const result = await trained('sparse', { name: 'sparse', parameters: 'fc.*', share: 0.5 });
      const places = sharedPlaces(everything('sparse', 'fc.weight'));
      expect(places).toHaveLength(10 * 64);
      expect(places.every((i) => tensorsOf('sparse', 2, 1).get('fc.weight')![i] === 0)).toBe(true);
      expect(sharedPlaces(everything('sparse', 'conv.weight'))).toEqual([]);
      expect(result).toMatchObject({ family: 'sparse', num_fixed: [64] });
      expect(result.fixed_part).toBe('64 of the 128 entries of every row of fc.weight');
    },
    timeout,
  );

  it('do not count as trained, and belong to the family that the catalog shows', () => {
    const spec = resolveTrainable(readRun(join(folder, 'whole')).config);
    const { trained: free, fixed } = countsOf(spec.architecture === 'declared' ? spec.graph : never());
    expect([free, fixed]).toEqual([8 * 25 + 16 + 1290 - 7 * 18, 7 * 18]);
    expect(summarise(readRunDirectory(join(folder, 'whole')).config)).toMatchObject({
      ...{ family: 'w-asymmetric', sigmaF: 2 },
    });
    expect(summarise(readRunDirectory(adopted).config).family).toBe(null);
  });

  it('are not packed with the network: model.family is the only place for them', () => {
    const held = ({ config }: { config: Parameters<typeof resolveTrainable>[0] }): string[] => {
      const spec = resolveTrainable(config);
      const graph = spec.architecture === 'declared' ? spec.graph : never();
      return graph.parameters.flatMap((parameter) => (parameter.held ? [parameter.name] : []));
    };
    const { config, spec } = readRun(join(folder, 'whole'));
    const model = exportedSection(spec.architecture === 'declared' ? spec : never());
    expect(held({ config })).toEqual(['conv.weight', 'fc.weight']);
    expect(held({ config: configWith({ ...config, model }, []) })).toEqual([]);
  });

  it('are moved by every group of the network, which says so', async () => {
    const { groups } = symmetriesOf(readRun(join(folder, 'whole')).graph);
    expect(groups.map(({ name, movesFixed }) => [name, movesFixed])).toEqual([
      ['conv', ['conv.weight', 'fc.weight']],
    ]);
    expect(symmetriesOf(readRun(adopted).graph).groups.map(({ movesFixed }) => movesFixed)).toEqual([[]]);
    const found = await job<JobResult<'symmetries'>>('symmetries', { run: join(folder, 'whole') });
    expect(found.groups.map((group) => group.moves_fixed)).toEqual([['conv.weight', 'fc.weight']]);
    expect(found.check?.ok).toBe(true);
    const [drawn] = drawingOf(readRun(join(folder, 'whole')).graph).groups;
    expect(drawn!.movesFixed).toEqual(['fixed entries of conv.weight', 'fixed entries of fc.weight']);
  });
});

const never = (): never => {
  throw new Error('an exported network was expected');
};

describe('model.family of an exported network', () => {
  const messageFor = (own: object, more: object = {}): string => {
    const config = configOf(own, more);
    try {
      resolveTrainable(configWith(config, []));
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(UserError);
      return (thrown as UserError).message;
    }
    return 'nothing was refused';
  };

  it.each([
    [{ parameters: ['layer*'] }, '"layer*" chooses no weight: it matches no name'],
    [
      { parameters: 'fc.bias' },
      '"fc.bias" chooses no weight: it matches "fc.bias", a tensor [10] whose rows have one number each',
    ],
    [
      { parameters: ['fc.weight', '*running_mean'] },
      'it matches "bn.running_mean", a buffer or constant, which is not trained',
    ],
    [
      { parameters: undefined },
      'model.family.parameters is missing; patterns of names of weights were expected',
    ],
    [
      { num_fixed: 25 },
      'num_fixed is 25, but a row of "conv.weight" has only 25 entries; at least one must stay trainable',
    ],
    [{ num_fixed: 0 }, 'num_fixed is 0; a whole number of at least 1'],
    [{ share: 0.5 }, 'model.family has num_fixed and share; one of them was expected'],
    [{ num_fixed: undefined }, 'model.family has neither num_fixed nor share'],
    [{ num_fixed: undefined, share: 1 }, 'share is 1; a number between 0 and 1'],
    [{ num_fixed: undefined, share: 0.001 }, 'so nothing would be fixed'],
    [{ sigma_f: undefined }, 'model.family.sigma_f is missing'],
    [{ sigma_f: -1 }, 'model.family.sigma_f is -1; a number of at least 0'],
    [{ name: 'sparse' }, 'model.family.sigma_f has no effect: model.family.name is sparse'],
    [{ alpha: 1 }, 'model.family.alpha has no effect'],
    [{ name: 'syre' }, 'model.family.name is "syre"; an exported network has w-asymmetric or sparse'],
    [
      { name: 'given', file: 'fd.npz' },
      'model.family.name is "given"; an exported network has w-asymmetric or sparse',
    ],
    [{ name: undefined }, 'model.family.name is missing'],
  ])('is refused: %j', (own, words) => {
    expect(messageFor({ ...family, ...own })).toContain(words);
  });

  it('is the only place for its settings', () => {
    const base = configOf(family);
    expect(() => configWith(base, ['sigma_f=1'])).toThrow('set in model.family');
    expect(() => configWith(base, ['model.family.sigma_f=1'])).not.toThrow();
    expect(() => resolveTrainable(configWith(base, ['model.norm=batch']))).toThrow(
      'model.norm has no effect on a network exported from PyTorch',
    );
  });

  it('chooses a tensor with several keys by any of them', () => {
    const { graph, tied } = lowered(exportedFixture('tokens.pt2'));
    const [[alias, own]] = Object.entries(tied) as [[string, string]];
    const heldBy = (pattern: string): string[] => {
      const section = { name: 'sparse', parameters: [pattern], num_fixed: 1 };
      const found = withExportedFamily(section, { graph, tied, seed: 1 }, 'config')!;
      return found.layers.map(({ module }) => module);
    };
    expect([heldBy(alias), heldBy(own)]).toEqual([[own], [own]]);
  });
});
