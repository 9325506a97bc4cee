/** Replacing and removing a data set deletes nothing else, and all of it or nothing. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadDataset } from '../../../src-main/compute/data/index.ts';
import { removeDataSet } from '../../../src-main/engine/data-remove.ts';
import { replaceFolder } from '../../../src-main/formats/replace-folder.ts';
import { isAddedName } from '../../../src-shared/data-names.ts';
import { parseOverride } from '../../../src-shared/config/overrides.ts';
import { add, fresh, home, name, npy, refusal } from '../../support/add-data.ts';

const inputs = npy('float32', [4, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 9));
const labels = npy('int32', [4], Int32Array.of(0, 1, 0, 1));
const files = { inputs, labels, testInputs: inputs, testLabels: labels };

describe('--replace', () => {
  it('refuses a folder that is not an added data set, and leaves it as it is', async () => {
    const set = name();
    mkdirSync(join(home, set), { recursive: true });
    writeFileSync(join(home, set, 'thesis.txt'), 'years of work');
    expect(await refusal({ ...files, name: set, replace: true })).toMatch(
      /not a data set that was added.*Nothing was deleted/,
    );
    expect(readFileSync(join(home, set, 'thesis.txt'), 'utf8')).toBe('years of work');
  });

  it('refuses files of another kind inside the data set', async () => {
    const set = name();
    const { directory } = await add({ ...files, name: set });
    writeFileSync(join(directory, 'notes.txt'), 'mine');
    expect(await refusal({ ...files, name: set, replace: true })).toMatch(
      /notes\.txt is not part of the data set/,
    );
    expect(readdirSync(directory)).toContain('notes.txt');
  });

  it('refuses inputs that lie in the data set it replaces, under any name of the folder', async () => {
    const set = name();
    const { directory } = await add({ ...files, name: set });
    const link = fresh('link');
    symlinkSync(directory, link);
    for (const folder of [directory, link]) {
      const inside = { ...files, testLabels: join(folder, 'test-labels.npy') };
      expect(await refusal({ ...inside, name: set, replace: true })).toMatch(
        /testLabels: .* lies in .*to be replaced/,
      );
    }
    expect((await loadDataset({ name: set })).train.count).toBe(4);
  });
});

describe('a folder in the place of another', () => {
  const folders = (): { root: string; made: string; place: string } => {
    const root = mkdtempSync(join(tmpdir(), 'basin-place-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    const [made, place] = [join(root, 'made'), join(root, 'place')];
    for (const folder of [made, place]) {
      mkdirSync(folder);
      writeFileSync(join(folder, 'a'), folder);
    }
    return { root, made, place };
  };

  it('is there alone', () => {
    const { root, made, place } = folders();
    replaceFolder(made, place);
    expect([readdirSync(root), readFileSync(join(place, 'a'), 'utf8')]).toEqual([['place'], made]);
  });

  it('gives way to what was there if it cannot be moved', () => {
    const { root, made, place } = folders();
    const failing: typeof renameSync = (from, to) => {
      if (from === made) throw Object.assign(new Error('no'), { code: 'EIO' });
      renameSync(from, to);
    };
    expect(() => replaceFolder(made, place, { rename: failing })).toThrow('no');
    expect(readFileSync(join(place, 'a'), 'utf8')).toBe(place);
    expect(readdirSync(root).sort()).toEqual(['made', 'place']);
  });

  it('has replaced the other even if that cannot be deleted', () => {
    const { made, place } = folders();
    const remove = (): never => {
      throw new Error('busy');
    };
    replaceFolder(made, place, { remove });
    expect(readFileSync(join(place, 'a'), 'utf8')).toBe(made);
  });

  it('leaves what a crash would leave under a name that says so', () => {
    const { root, made, place } = folders();
    const names: string[] = [];
    replaceFolder(made, place, {
      rename: (from, to) => {
        renameSync(from, to);
        names.push(...readdirSync(root));
      },
    });
    expect(names.find((each) => each.startsWith('.place'))).toMatch(/^\.place\.\d+\.before\.tmp$/);
  });
});

describe('removing', () => {
  it('takes an added set that no run names, or that is forced', async () => {
    const set = name();
    const { directory } = await add({ ...files, name: set });
    const runs = [
      { name: 'a', dataset: set },
      { name: 'b', dataset: 'mnist' },
    ];
    expect(() => removeDataSet({ name: set, force: false }, home, runs)).toThrow(
      /^1 run names the data set .*: a\./,
    );
    expect(existsSync(directory)).toBe(true);
    expect(removeDataSet({ name: set, force: true }, home, runs)).toEqual({ folder: directory, runs: ['a'] });
    expect(existsSync(directory)).toBe(false);
    expect(readdirSync(home).filter((entry) => entry.startsWith('.'))).toEqual([]);
    const unnamed = await add({ ...files, name: set });
    expect(removeDataSet({ name: set, force: false }, home, [])).toEqual({
      folder: unnamed.directory,
      runs: [],
    });
  });

  it.each([
    ['mnist-10k', /not a data set that was added/],
    ['../runs', /There is no data set/],
    ['..', /There is no data set/],
    ['plain', /plain is not a data set that was added: it has no dataset\.json/],
  ])('refuses %s, whether forced or not', (wanted, message) => {
    mkdirSync(join(home, 'plain'), { recursive: true });
    for (const force of [false, true])
      expect(() => removeDataSet({ name: wanted, force }, home, [])).toThrow(message);
    expect(existsSync(join(home, 'plain'))).toBe(true);
  });
});

describe('a name', () => {
  it.each(['1e3', '007', 'null', 'Null', 'true', 'FALSE', '1_000', '12.5', '0x10', '3.'])(
    '%s, which a config does not read as a name, is refused',
    async (wanted) => {
      expect(isAddedName(wanted)).toBe(false);
      await expect(add({ ...files, name: wanted })).rejects.toThrow(/not a number/);
    },
  );

  it.each(['toy', 'a1e3', '7up', '1-2', 'nulls', '2024-01-31'])('%s can be asked for', (wanted) => {
    expect(isAddedName(wanted)).toBe(true);
    expect(parseOverride(`dataset=${wanted}`).choice).toBe(wanted);
  });
});
