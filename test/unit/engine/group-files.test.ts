import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { exportGroups, importGroups } from '../../../src-main/engine/catalog/group-files.ts';
import { GroupStore } from '../../../src-main/engine/catalog/groups.ts';
import { readPythonDictionary } from '../../../src-main/engine/catalog/python-literal.ts';
import { RunStore } from '../../../src-main/engine/catalog/runs.ts';
import { uniqueNames } from '../../../src-main/engine/catalog/names.ts';
import { openDatabase } from '../../../src-main/engine/store/database.ts';
import { foundRun, temporaryFolder } from './support.ts';

const db = openDatabase(`${temporaryFolder()}/basin.db`);
db.pragma('synchronous = OFF');
const runs = new RunStore(db);
const groups = new GroupStore(db);
afterAll(() => db.close());

const take = (path: string, options: Parameters<typeof foundRun>[1] = {}): string =>
  runs.take(foundRun(path, options), 'imported').id;

const plain = (value: unknown): unknown =>
  value instanceof Map
    ? Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]))
    : Array.isArray(value)
      ? value.map(plain)
      : value;

describe('the dictionary of checkpoint_directories.py', () => {
  it('is read from the file as it is published', () => {
    const text = `from typing import Dict

checkpoint_directories_by_architecture: Dict[str, Dict[str, str]] = {
    "mlp": {
        # Edit this dictionary to include paths to run directories
        "mlp_symmetry0": "",
        'mlp_symmetry1_kappa0': r"C:\\runs\\a",
        "mlp_symmetry1_kappa1": "/abs/" "two parts",
    },
    "resnet": {
        # ...
    }
}
`;
    expect(plain(readPythonDictionary(text))).toEqual({
      mlp: { mlp_symmetry0: '', mlp_symmetry1_kappa0: 'C:\\runs\\a', mlp_symmetry1_kappa1: '/abs/two parts' },
      resnet: {},
    });
  });

  it.each([
    [
      'a call',
      '{"mlp": {"a": os.system("rm -rf /")}}',
      'Line 1: "mlp" / "a": os.system(...) is not supported',
    ],
    ['an unknown name', '{"mlp": {\n"a": f"{x}"}}', 'Line 2: "mlp" / "a": x is not defined in the file'],
    ['a doubled key', '{"mlp": {"a": "1",\n "a": "2"}}', 'Line 2: the key "a" appears twice'],
    ['a key without quotes', '{mlp: 1}', 'a key in quotes was expected'],
    ['an unfinished text', '{"mlp": {"a": "1"', 'the text ends unexpectedly'],
    ['no dictionary', 'print(1)', 'There is no dictionary'],
    ['a bottomless pit', `${'{"a": '.repeat(200)}1${'}'.repeat(200)}`, 'nested too deep'],
  ])('refuses %s', (_what, text, message) => {
    expect(() => readPythonDictionary(text)).toThrow(message);
  });

  it('survives any names and folders, there and back', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.dictionary(text, fc.dictionary(text, text, { maxKeys: 4 }), { maxKeys: 3 }), (value) => {
        const source = `# made\nX: Dict = ${JSON.stringify(value, null, 4)}\n`;
        expect(plain(readPythonDictionary(source))).toEqual({ ...value });
      }),
      { numRuns: 200 },
    );
  });

  it('never throws anything but a refusal, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'{}[]()"\',:=#\\ \nrfb1aNone'), maxLength: 60 }),
        (text) => {
          try {
            readPythonDictionary(text);
          } catch (error) {
            expect((error as Error).name).toBe('UserError');
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('groups as files', () => {
  it('come back from JSON with everything, and from Python with every run', () => {
    const [a, b] = [take('/runs/a'), take('/runs/"b\\é')];
    groups.edit({
      type: 'create',
      architecture: 'mlp',
      key: 'both',
      colour: '#aabbcc',
      notes: 'two\nlines',
      members: [{ runId: a }, { runId: b, checkpointIds: [`${b}/e5m2`] }],
    });
    groups.edit({ type: 'create', architecture: 'mlp', key: 'both_run2', members: [{ runId: a }] });
    const before = groups.state().groups.map(({ id: _id, ...group }) => group);
    const json = exportGroups('json', groups.state().groups, runs);
    const python = exportGroups('python', groups.state().groups, runs);
    db.exec('DELETE FROM groups');
    expect(importGroups('json', json.text, groups, runs).unknownPaths).toEqual([]);
    expect(groups.state().groups.map(({ id: _id, ...group }) => group)).toMatchObject([
      before[0]!,
      { ...before[1]!, colour: expect.any(String) },
    ]);
    db.exec('DELETE FROM groups');
    importGroups('python', python.text, groups, runs);
    const members = Object.fromEntries(
      groups.state().groups.map((group) => [group.key, group.members.map((m) => m.runId)]),
    );
    expect(members).toEqual({ both: [a], both_run2_2: [b], both_run2: [a] });
  });

  it('list folders that the catalog does not know', () => {
    const a = take('/runs/a');
    const text = '{"mlp": {"x": "/runs/a", "y": "/runs/elsewhere", "z": "relative", "empty": ""}}';
    const { state, unknownPaths } = importGroups('python', text, groups, runs);
    expect(unknownPaths).toEqual(['/runs/elsewhere', 'relative']);
    expect(state.groups.find((group) => group.key === 'x')!.members).toEqual([{ runId: a }]);
    expect(() => importGroups('json', '{"mlp": 3}', groups, runs)).toThrow('The groups file');
    expect(() => importGroups('json', '{', groups, runs)).toThrow('not valid JSON');
  });
});

describe('names of runs', () => {
  it('are as short as they can be and never the same', () => {
    expect(Object.fromEntries(uniqueNames(['/r/a/x', '/r/b/x', '/r/b/y']))).toEqual({
      '/r/a/x': 'a/x',
      '/r/b/x': 'b/x',
      '/r/b/y': 'y',
    });
    const path = fc
      .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 })
      .map((parts) => `/${parts.join('/')}`);
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 12 }), (paths) => {
        const names = uniqueNames(paths);
        expect(names.size).toBe(paths.length);
        expect(new Set(names.values()).size).toBe(paths.length);
      }),
    );
  });
});
