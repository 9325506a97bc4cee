/** Permutation groups of networks exported from PyTorch (test/fixtures/exported): right ones hold, wrong rules are caught. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { hasBinding } from '../../../src-main/compute/backend/native.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import {
  checkExportedGroups,
  requireCheckedGroups,
} from '../../../src-main/compute/networks/check-exported.ts';
import { permuteArrays } from '../../../src-main/compute/networks/permute.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { groupsOfExported } from '../../../src-shared/networks/exported/groups.ts';
import { callRules } from '../../../src-shared/networks/exported/rules.ts';
import type { TorchRules } from '../../../src-shared/networks/exported/rules.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { symmetries as presenter } from '../../../src-shared/presentations/symmetries.ts';
import { job } from '../../support/job.ts';
import { exportedFixture } from './files.ts';
import { modelOf } from './models.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-symmetries-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sizesOf = (network: Network): number[] =>
  symmetriesOf(network)
    .groups.map(({ size }) => size)
    .toSorted((a, b) => a - b);

/** By hand, from make_exported.py, make_symmetries.py and make_twins.py. */
const expected: Record<string, number[]> = {
  // Channel 1 of 4 is overwritten with a constant. Those behind it change places; channel 0, in front of it, is a piece of its own.
  image: [2],
  // One head: its queries and keys share an order. Its values are multiplied by constants, and added to the stream, which stay.
  tokens: [8],
  // 2 groups of 4 channels read by 2 groups of 6; in each of these 12, 2 outputs of their own. Of the 8 mixed channels, 4 go
  // through a convolution of their own. What a shuffle and a product with the other half tie moves in pairs: 2 x 2 and 2 x 2.
  groups: [2, 4, 4, 6, 6, ...Array.from({ length: 12 }, () => 2), 4, 2, 2].toSorted((a, b) => a - b),
  // The stream; 2 heads of keys and values, with values in any order inside each and queries and keys in none, which are
  // rotated; the hidden units that are gated.
  rotary: [2, 6, 6, 10, 12],
  // Channels behind a batch norm, flattened: each is a block of inputs.
  digits: [8],
  // The units of the layer that both halves go through, side by side twice; the stream, which is read and written by one layer.
  shared: [4, 6],
  // Hidden units, and channels.
  chain: [7, 10],
  pixels: [5, 6],
};

describe('groups as counted by hand', () => {
  test.each(Object.entries(expected))('%s', (name, sizes) => {
    expect(sizesOf(modelOf(name).network)).toEqual(sizes);
  });

  it('no unit stands twice among those that change places, and every axis that has none says why', () => {
    for (const name of Object.keys(expected)) {
      const { network } = modelOf(name);
      const { groups, fixed } = symmetriesOf(network);
      expect(new Set(groups.map((group) => group.name)).size).toBe(groups.length);
      for (const { axes, size } of groups)
        for (const { places, block } of axes) {
          expect(new Set(places).size).toBe(places.length);
          expect(places).toHaveLength(size * block);
        }
      for (const { name: parameter, shape, role } of network.graph.parameters) {
        const isRead = network.nodes.some((node) =>
          Object.values(node.parameters).some((each) => each.name === parameter),
        );
        shape.forEach((size, axis) => {
          if (size === 1 || !isRead || role === 'fixed') return;
          const here = (each: { parameter: string; axis: number }): boolean =>
            each.parameter === parameter && each.axis === axis;
          expect(
            groups.some(({ axes }) => axes.some(here)) || fixed.some(here),
            `${name}: ${parameter} ${axis}`,
          ).toBe(true);
        });
      }
    }
  });

  it('channels of a grouped convolution are read in an order of each group by itself', () => {
    const { network, arrays } = modelOf('groups');
    const { groups } = symmetriesOf(network);
    const second = groups.find(({ axes }) => axes.some(({ within }) => within?.start === 6))!;
    expect(second.axes.find(({ within }) => within)).toMatchObject({
      ...{ parameter: 'grouped.weight', axis: 1, within: { axis: 0, start: 6, count: 6 } },
    });
    const moved = permuteArrays(arrays, groups, new Map([[second.name, Int32Array.of(1, 0, 2, 3)]]));
    const [before, after] = [arrays, moved].map((each) => each.get('grouped.weight')!.data);
    const [row, swapped] = [4 * 9, 9];
    expect(after!.slice(0, 6 * row)).toEqual(before!.slice(0, 6 * row));
    expect(after!.slice(6 * row, 6 * row + swapped)).toEqual(
      before!.slice(6 * row + swapped, 6 * row + 2 * swapped),
    );
  });

  it('a channel that is flattened is a block of inputs; one layer used twice has its units at all of its places', () => {
    const [digits] = symmetriesOf(modelOf('digits').network).groups;
    const fc = digits!.axes.find(({ parameter }) => parameter === 'fc.weight')!;
    expect(fc).toMatchObject({ axis: 1, block: 16 });
    expect([...fc.places.slice(16, 32)]).toEqual(Array.from({ length: 16 }, (_, i) => 16 + i));
    const moves = (name: string): boolean => digits!.axes.some(({ parameter }) => parameter === name);
    expect(['bn.weight', 'bn.bias', 'bn.running_mean', 'bn.running_var'].every(moves)).toBe(true);
    const { groups } = symmetriesOf(modelOf('shared').network);
    const axesOf = (size: number): string[] =>
      groups
        .find((group) => group.size === size)!
        .axes.map(({ parameter, axis, block }) => `${parameter} ${axis} ${block}`)
        .toSorted();
    expect(axesOf(4)).toEqual(['first.weight 1 2', 'side.bias 0 1', 'side.weight 0 1']);
    expect(axesOf(6)).toEqual([
      ...['first.bias 0 1', 'first.weight 0 1', 'out.weight 1 1'],
      ...['step.bias 0 1', 'step.weight 0 1', 'step.weight 1 1'],
    ]);
  });

  it('an embedding that is also the head keeps its words in place', () => {
    // Of the two names of the state dict, the graph reads one.
    const { network } = modelOf('tokens');
    const [tied] = network.graph.parameters.filter(({ shape }) => shape.join() === '7,8');
    const reasons = symmetriesOf(network).fixed.filter(({ parameter }) => parameter === tied!.name);
    const why = (axis: number): string =>
      reasons.flatMap((each) => (each.axis === axis ? each.reason : [])).join();
    expect(why(0)).toContain('output of the network');
    expect(why(0)).toContain('looks up rows by number');
    expect(why(1)).toContain('constant of the network');
  });

  it('says which entries stay, and why', () => {
    const { fixed } = symmetriesOf(modelOf('rotary').network);
    expect(fixed).toContainEqual({
      ...{
        parameter: 'table.weight',
        axis: 0,
        reason: expect.stringContaining('looks up rows by number') as string,
      },
    });
    expect(symmetriesOf(modelOf('image').network).fixed).toContainEqual({
      ...{ parameter: 'fc.weight', axis: 0, reason: 'output of the network' },
    });
  });
});

// Without TensorFlow's native library there is no double precision.
describe.skipIf(!hasBinding())('the check', () => {
  test.each(Object.keys(expected))('lets right groups pass: %s', async (name) => {
    const { network, arrays } = modelOf(name);
    const check = checkExportedGroups(await loadBackend(), network, arrays, symmetriesOf(network).groups);
    expect(check).toMatchObject({ ok: true, failed: [] });
    expect(check.maxRelativeChange).toBeLessThan(1e-12);
  });

  const wrongRules: Record<string, [fixture: string, wrong: Partial<TorchRules>]> = {
    'a shuffle that is ignored': [
      'groups',
      {
        permute: ([x], settings, context) =>
          settings.order.join() === '0,2,1,3,4'
            ? context.rules.reshape(
                x!,
                settings.order.map((axis) => x!.sizes[axis]!),
              )
            : callRules.permute([x!], settings, context),
      },
    ],
    'a split of which both parts are the first': [
      'groups',
      { slice: ([x], settings, context) => callRules.slice([x!], { ...settings, start: 0 }, context) },
    ],
    'a convolution that ignores its groups': [
      'groups',
      {
        conv(inputs, settings, context) {
          if (settings.groups !== 2) return callRules.conv(inputs, settings, context);
          const [first] = inputs[1]!.parts;
          const held = new Map([1, 2].map((axis) => [axis, 'a place'] as const));
          return { sizes: [1, ...context.node.shape], parts: [{ axes: [3], labels: first!.labels }], held };
        },
      },
    ],
    'a rotation that lets queries and keys change places': [
      'rotary',
      {
        binary: (inputs, settings, context) => {
          const turns = inputs.find(({ parameter }) => parameter === 'cos' || parameter === 'sin');
          if (turns) return inputs.find((value) => value !== turns)!;
          return callRules.binary(inputs, settings, context);
        },
        slice: ([x], { axis, count }) => ({
          ...x!,
          sizes: x!.sizes.with(axis, count as number),
          parts: x!.parts.filter(({ axes }) => !axes.includes(axis)),
        }),
        concat: (inputs, { axis }) => ({
          ...inputs[0]!,
          sizes: inputs[0]!.sizes.with(
            axis,
            inputs.reduce((sum, { sizes }) => sum + sizes[axis]!, 0),
          ),
        }),
      },
    ],
    'attention whose heads mix': ['rotary', { attention: ([, , value]) => value! }],
  };

  test.each(Object.entries(wrongRules))('catches a wrong rule: %s', async (_name, [fixture, wrong]) => {
    const { network, arrays } = modelOf(fixture);
    const { groups } = groupsOfExported(network, { ...callRules, ...wrong });
    const backend = await loadBackend();
    const check = checkExportedGroups(backend, network, arrays, groups);
    expect(check.ok).toBe(false);
    expect(check.failed.length).toBeGreaterThan(0);
    expect(check.maxRelativeChange).toBeGreaterThan(1e-3);
    expect(() => {
      requireCheckedGroups(backend, network, arrays, 'model 3', groups);
    }).toThrow(
      new RegExp(`^model 3: permuting the units of ${check.failed[0]!.group.replaceAll('.', '\\.')}`),
    );
  });
});

describe.skipIf(!hasBinding())('the check of a network that was never trained', () => {
  it.each(['norm.weight', 'norm.bias', 'first.bias'])(
    'sees that a rule forgets %s, though all its entries are the same',
    async (forgotten) => {
      const { network, arrays } = modelOf('groups');
      const value = forgotten === 'norm.weight' ? 1 : 0;
      const untrained = new Map(arrays);
      const { shape, data } = arrays.get(forgotten)!;
      untrained.set(forgotten, { shape, data: data.map(() => value) });
      const backend = await loadBackend();
      const { groups } = symmetriesOf(network);
      expect(checkExportedGroups(backend, network, untrained, groups).ok).toBe(true);
      const wrong = groups.map((group) => ({
        ...group,
        axes: group.axes.filter(({ parameter }) => parameter !== forgotten),
      }));
      const check = checkExportedGroups(backend, network, untrained, wrong);
      expect(check.ok).toBe(false);
      expect(check.maxRelativeChange).toBeGreaterThan(1e-6);
    },
  );

  it('sees what a branch behind a factor of 0 does', async () => {
    const { network, arrays } = modelOf('rotary');
    const untrained = new Map(arrays);
    const down = arrays.get('down.weight')!;
    untrained.set('down.weight', { ...down, data: down.data.map(() => 0) });
    const wrong = symmetriesOf(network).groups.map((group) => ({
      ...group,
      axes: group.axes.filter(({ parameter }) => parameter !== 'up.bias'),
    }));
    expect(checkExportedGroups(await loadBackend(), network, untrained, wrong).ok).toBe(false);
  });
});

describe.skipIf(!hasBinding())('the job', () => {
  it('lists groups, what is inside their units, and the check', async () => {
    const found = await job<JobResult<'symmetries'>>('symmetries', {
      network: exportedFixture('rotary.pt2'),
    });
    const heads = found.groups.find(({ blocks }) => blocks.length > 0)!;
    expect(heads).toMatchObject({ name: 'q:blocks', size: 2, blocks: [['q:block0'], ['q:block1']] });
    const { entries } = heads.axes.find(({ parameter }) => parameter === 'k.weight')!;
    expect(entries[0]!.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(entries[1]).toEqual(entries[0]!.map((place) => place + 6));
    expect(found.check).toMatchObject({ ok: true, failed: [] });
    const shown = presenter.present(found);
    expect(shown.verdict).toBe('5 permutation groups: units permuted at random leave the function as it is.');
    expect(shown.tone).toBe('good');
    const failed = presenter.present({
      ...found,
      check: { max_relative_change: 0.5, ok: false, failed: ['gate'] },
    });
    expect(failed.verdict).toContain('they change the function: gate. They are not used.');
    expect(failed.tone).toBe('bad');
  });

  it('takes the network of a run, built in or exported', async () => {
    const run = join(folder, 'run');
    await job('adopt', { network: exportedFixture('image.pt2'), directory: run });
    const found = await job<JobResult<'symmetries'>>('symmetries', { run });
    expect(found.groups.map(({ size }) => size)).toEqual([2]);
    expect(found.check!.ok).toBe(true);
  });

  it('refuses both or neither, and settings without effect', async () => {
    const network = exportedFixture('image.pt2');
    await expect(job('symmetries', {})).rejects.toThrow(/either a run or an exported network/);
    await expect(job('symmetries', { network, run: folder })).rejects.toThrow(/and not both/);
    await expect(job('symmetries', { network, epoch: 1 })).rejects.toThrow(/has no effect on an exported/);
  });
});
