/** Paths as people type them, alone and in lists. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { jobKinds } from '../../../src-shared/jobs/index.ts';
import { paramSchema } from '../../../src-shared/jobs/schema.ts';
import { typedPath, typedPathList, withTypedPaths } from '../../../src-main/formats/typed-path.ts';
import { temporaryFolder } from './make-files.ts';

const folder = temporaryFolder();
const file = (name: string): string => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, '');
  return path;
};
const odd = file("model.widths=[16, 16],note='#1 50% done'/a.pt");
const one = file('optimizer.lr=0.001,seed=1/a.pt');
const two = file('optimizer.lr=0.001,seed=2/a.pt');
const plain = file('plain.pt');

describe('a typed path', () => {
  it.each([
    ['as it is', plain],
    ['with blanks around it', `  ${plain} `],
    ['in quotes', `"${plain}"`],
    ['in quotes and blanks', ` '${plain}' `],
    ['as an address', pathToFileURL(plain).href],
    ['as an address of this machine', pathToFileURL(plain).href.replace('file://', 'file://localhost')],
    ['relative', 'plain.pt'],
  ])('%s', (_what, text) => {
    expect(typedPath(text, folder)).toBe(plain);
  });

  it('decodes percent signs, undoes what a shell escapes, and knows the home folder', () => {
    expect(typedPath(`"${pathToFileURL(odd).href}"`)).toBe(odd);
    expect(typedPath(odd.replaceAll(' ', '\\ '))).toBe(odd);
    expect(typedPath('~')).toBe(homedir());
    expect(typedPath(' ~/runs ')).toBe(join(homedir(), 'runs'));
    expect(typedPath('~bob', folder)).toBe(join(folder, '~bob'));
  });

  it('is taken as it stands if that exists', () => {
    const quoted = file('"quoted" .pt');
    const tilde = file('~/odd.pt');
    expect(typedPath('"quoted" .pt', folder)).toBe(quoted);
    expect(typedPath('~/odd.pt', folder)).toBe(tilde);
  });

  it('is refused if it lies on another machine or cannot be decoded', () => {
    expect(() => typedPath('file://host/x')).toThrow(
      'file://host/x is not the address of a file on this machine',
    );
    expect(() => typedPath('file:///%zz')).toThrow('is not the address');
  });
});

describe('a typed list of paths', () => {
  it('may have commas in its paths', () => {
    expect(typedPathList(`${one},${two}`)).toEqual([one, two]);
    expect(typedPathList(`${odd}, ${plain},`)).toEqual([odd, plain]);
    expect(typedPathList(`"${one}" , '${plain}'`)).toEqual([one, plain]);
    expect(typedPathList('optimizer.lr=0.001,seed=1/a.pt', folder)).toEqual([one]);
  });

  it('may be JSON, and a name may begin with a bracket', () => {
    expect(typedPathList(JSON.stringify([one, ` ${plain}`]))).toEqual([one, plain]);
    const bracket = file('[a, b]/c.pt');
    expect(typedPathList('[a, b]/c.pt,plain.pt', folder)).toEqual([bracket, plain]);
  });

  it('says how a comma is written if nothing fits, or several ways do', () => {
    expect(() => typedPathList('plain.pt,nowhere.pt', folder)).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('nowhere.pt does not exist') as string,
        hint: expect.stringContaining('["a,b","c"]') as string,
      }),
    );
    for (const name of ['x', 'y,z', 'x,y']) file(`two/${name}`);
    file('two/z');
    expect(() => typedPathList('x,y,z', join(folder, 'two'))).toThrow('more than one list');
  });

  it('leaves a single path that does not exist to whoever opens it', () => {
    expect(typedPathList('nowhere.pt', folder)).toEqual([join(folder, 'nowhere.pt')]);
  });
});

it('params of forms are read the same way, but for what is no path', () => {
  const given = {
    run: `"${folder}"`,
    data: { name: ' mnist ', dataDir: '~/data', splitFile: '' },
    groups: [{ name: '"a"', runs: [{ run: ` ${folder}` }] }],
    checkpoints: [`'${plain}'`],
    epochs: [1],
  };
  expect(withTypedPaths(paramSchema(jobKinds['match-activations'].params), given)).toEqual({
    run: folder,
    data: { name: ' mnist ', dataDir: join(homedir(), 'data'), splitFile: '' },
    groups: [{ name: '"a"', runs: [{ run: folder }] }],
    checkpoints: [plain],
    epochs: [1],
  });
});
