/** checkpoint_directories.py as people keep it: names and constants, links, relative paths, nothing found. */
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { importGroups } from '../../../src-main/engine/catalog/group-files.ts';
import { GroupStore } from '../../../src-main/engine/catalog/groups.ts';
import { readPythonDictionary, type Literal } from '../../../src-main/engine/catalog/python-literal.ts';
import { RunStore } from '../../../src-main/engine/catalog/runs.ts';
import { openDatabase } from '../../../src-main/engine/store/database.ts';
import { foundRun, temporaryFolder } from './support.ts';

const plain = (value: Literal | Map<string, Literal>): unknown =>
  value instanceof Map ? Object.fromEntries([...value].map(([key, item]) => [key, plain(item)])) : value;
const read = (text: string): unknown => plain(readPythonDictionary(text, '/lab/groups/dirs.py'));
const one = (expression: string, before = ''): unknown =>
  (read(`${before}\nD = {"mlp": {"a": ${expression}}}\n`) as { mlp: { a: unknown } }).mlp.a;

describe('an entry that is no literal', () => {
  const head = `
import os
import os.path as osp
from os.path import join
from pathlib import Path
import pathlib
BASE: str = "/data"  # of the cluster
N = 3
ROOT = Path(BASE) / "runs"
PARTS = ["x", "y"]
OTHER = {"k": "/k"}
`;
  it.each([
    ['BASE + "/b"', '/data/b'],
    ['f"{BASE}/b{N}"', '/data/b3'],
    ['f"{BASE}" "/b"', '/data/b'],
    ['f"{{{BASE}}}"', '{/data}'],
    ['f"{os.path.join(BASE, \'b\')}"', '/data/b'],
    ['os.path.join(BASE, "a", "../b")', '/data/b'],
    ['osp.join(BASE, "/b")', '/b'],
    ['join(BASE, "b")', '/data/b'],
    ['Path(BASE) / "b"', '/data/b'],
    ['pathlib.Path(BASE, "b")', '/data/b'],
    ['str(ROOT.parent / "b")', '/data/b'],
    ['ROOT.joinpath("b").as_posix()', '/data/runs/b'],
    ['Path("~/b").expanduser()', join(homedir(), 'b')],
    ['os.path.expanduser("~/b")', join(homedir(), 'b')],
    ['Path.home() / "b"', join(homedir(), 'b')],
    ['"%s/b" % BASE', '/data/b'],
    ['"{}/b".format(BASE)', '/data/b'],
    ['"{base}/{0}".format("b", base=BASE)', '/data/b'],
    ['OTHER["k"]', '/k'],
    ['BASE + "/" + PARTS[1]', '/data/y'],
    ['(BASE +\n  "/b")', '/data/b'],
    ['Path(__file__).resolve().parent / "b"', '/lab/groups/b'],
    ['os.path.join(os.path.dirname(os.path.abspath(__file__)), "b")', '/lab/groups/b'],
  ])('%s is worked out', (expression, expected) => {
    expect(one(expression, head)).toBe(expected);
  });

  it.each([
    ['os.environ["HOME"] + "/b"', 'os.environ is not supported'],
    ['os.getenv("HOME")', 'os.getenv(...) is not supported'],
    ['os.getcwd() + "/b"', 'os.getcwd(...) is not supported'],
    ['Path.cwd() / "b"', 'Path.cwd() is not supported'],
    ['NOBODY + "/b"', 'NOBODY is not defined in the file'],
    ['newest("/x")', 'newest(...) is not supported'],
    ['"/a" if N else "/b"', '"if" is not supported here'],
    ['f"{N:03d}"', 'the format in {N:03d} is not supported'],
    ['glob.glob("/x/*")[0]', 'glob.glob(...) is not supported'],
    ['lambda: "/x"', 'lambda is not defined'],
    ['BASE.replace("a", "b")', '.replace(...) is not supported'],
    ['b"/x"', 'is not plain text'],
    ['BASE + N', '"+" between these two is not supported'],
  ])('%s is refused by entry and line', (expression, why) => {
    expect(() => one(expression, head)).toThrow(`Line 13: "mlp" / "a": `);
    expect(() => one(expression, head)).toThrow(why);
  });
});

describe('a dictionary', () => {
  it('may be filled step by step', () => {
    const text = `
D = {}
D["mlp"] = {"a": "/a"}
D["mlp"]["b"] = "/b"
D.update({"resnet": {"c": "/c"}})
D |= {"vit": dict(d="/d")}
E = D["mlp"]
E["e"] = "/e"
`;
    expect(read(text)).toEqual({ mlp: { a: '/a', b: '/b', e: '/e' }, resnet: { c: '/c' }, vit: { d: '/d' } });
  });

  it('may be put together of others, and stand among other things', () => {
    const text = `"""Doc {string}."""
from typing import Dict
COLOURS = {"a": "red"}
mlp = {"a": "/a"}
def get(name):
    found = D[name]
    return found
class X:
    y = {"z": {"k": "/no"}}
D: Dict[str, Dict[str, str]] = {"mlp": mlp, "big": {**mlp, "b": "/b"}}
print(D)
if __name__ == "__main__":
    print(get("mlp"))
`;
    expect(read(text)).toEqual({ mlp: { a: '/a' }, big: { a: '/a', b: '/b' } });
  });

  it('is the one of the published name, or the only one of its form; of several none is guessed', () => {
    const two = 'A = {"mlp": {"a": "/a"}}\nB = {"mlp": {"a": "/b"}}\n';
    expect(read(`${two}checkpoint_directories_by_architecture = {"mlp": {"c": "/c"}}\n`)).toEqual({
      mlp: { c: '/c' },
    });
    expect(read('other = {"x": 1}\nA = {"mlp": {"a": "/a"}}\n')).toEqual({ mlp: { a: '/a' } });
    expect(() => read(two)).toThrow('several dictionaries of folders: A, B');
    expect(() => read('A = {"mlp": {"a": "/a"}}\nB = {k: v for k, v in x}\n')).toThrow(
      'another, on line 2, cannot be read',
    );
  });

  it.each([
    ['a loop', 'D = {}\nfor k in ("a",):\n    D[k] = {"x": "/y"}\n', 'Line 3'],
    ['a loop in one line', 'D = {"m": {"a": "/b"}}\nfor k in "ab": D.update({k: {}})\n', 'Line 2'],
    ['a condition', 'D = {"m": {"a": "/b"}}\nif True:\n    D["m"]["a"] = "/c"\n', 'Line 3'],
    ['a function of the file', 'D = {"m": {"a": "/b"}}\ndef fill():\n    pass\nfill()\n', 'Line 4'],
    ['a comprehension', 'D = {"m": {k: "/x" for k in "ab"}}', 'Line 1'],
    ['taking entries out', 'D = {"m": {"a": "/b"}, "n": {"a": "/b"}}\nx = D.pop("n")\n', 'Line 2'],
    ['deleting', 'D = {"m": {"a": "/b"}}\ndel D["m"]\n', 'Line 2'],
    [
      'an entry set by what is not read',
      'D = {"m": {"a": "/b"}}\nD["m"]["c"] = secret()\n',
      'secret(...) is not supported',
    ],
    [
      'a base set in a condition',
      'if x:\n    B = "/a"\nelse:\n    B = "/b"\nD = {"m": {"a": B}}\n',
      'B is not a constant',
    ],
  ])('that changes in a way that is not read is refused: %s', (_what, text, where) => {
    expect(() => read(text)).toThrow(where);
  });
});

describe('the folders of a dictionary', () => {
  const lab = realpathSync(temporaryFolder());
  const db = openDatabase(`${temporaryFolder()}/basin.db`);
  const runs = new RunStore(db);
  const groups = new GroupStore(db);
  afterAll(() => db.close());
  for (const name of ['real/a', 'real/b/checkpoints']) mkdirSync(join(lab, name), { recursive: true });
  writeFileSync(join(lab, 'real/b/config.yaml'), 'model: {}\n');
  symlinkSync(join(lab, 'real'), join(lab, 'home'));
  const take = (name: string): string => runs.take(foundRun(join(lab, 'real', name)), 'imported').id;
  const [a, b] = [take('a'), take('b')];
  const file = join(lab, 'dirs.py');

  const imported = (text: string, from: string | undefined = file) => {
    db.exec('DELETE FROM groups');
    const { state, unknownPaths, leftOut } = importGroups('python', text, groups, runs, from);
    const members = state.groups.map((group) => [group.key, group.members.map(({ runId }) => runId)]);
    return { members: Object.fromEntries(members) as Record<string, string[]>, unknownPaths, leftOut };
  };

  it.each([
    ['through a link', `"${lab}/home/a"`],
    ['with a slash at its end', `"${lab}/real/a/"`],
    ['with a dot in it', `"${lab}/real/./a"`],
    ['relative to the file', '"real/a"'],
    ['relative to the file, with a dot', '"./home/a"'],
    ['as an address', `"file://${lab}/real/a"`],
    ['with blanks', `" ${lab}/real/a "`],
  ])('are found %s', (_how, folder) => {
    expect(imported(`D = {"mlp": {"x": ${folder}}}`).members).toEqual({ x: [a] });
  });

  it('lead to a run by its folder of checkpoints, and twice to one run once', () => {
    const text = `D = {"mlp": {"x": ["real/a", "home/a", "real/b/checkpoints"]}}`;
    expect(imported(text).members).toEqual({ x: [a, b] });
  });

  it('that are not in the catalog are named, and no group is made of them alone', () => {
    const found = imported('D = {"mlp": {"x": "real/a", "y": "/nowhere", "z": "", "w": ["real/b", "gone"]}}');
    expect(found).toEqual({
      members: { x: [a], w: [b] },
      unknownPaths: ['/nowhere', 'gone'],
      leftOut: ['mlp/y', 'mlp/z'],
    });
  });

  it('of which none is in the catalog make no groups, and that is an error', () => {
    expect(() => imported('D = {"mlp": {"x": "/nowhere"}}')).toThrow(
      'None of the folders is in the catalog: /nowhere',
    );
    expect(() => imported('D = {"mlp": {"x": ""}}')).toThrow('The file names no folder');
    expect(() => importGroups('python', 'D = {"mlp": {"x": "real/a"}}', groups, runs)).toThrow(
      expect.objectContaining({
        hint: expect.stringContaining('Relative paths are relative to the file') as string,
      }),
    );
    expect(groups.state().groups).toEqual([]);
  });
});
