import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePaths } from '../../../src-main/cli/out-file.ts';
import { temporaryFolder } from './support.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('names for files that a person did not name', () => {
  it('are their own while they are free, or hold the same already', async () => {
    const path = join(temporaryFolder(), 'figure.pdf');
    expect(await freePaths([{ path, bytes: bytes('one') }])).toEqual([path]);
    writeFileSync(path, 'one');
    expect(await freePaths([{ path, bytes: bytes('one') }])).toEqual([path]);
  });

  it('are numbered alike for all formats where one of them is taken', async () => {
    const folder = temporaryFolder();
    const [pdf, svg] = ['pdf', 'svg'].map((format) => join(folder, `a.b.${format}`)) as [string, string];
    writeFileSync(svg, 'other');
    const files = [
      { path: pdf, bytes: bytes('one') },
      { path: svg, bytes: bytes('same length'.slice(0, 5)) },
    ];
    expect(await freePaths(files)).toEqual([join(folder, 'a.b-2.pdf'), join(folder, 'a.b-2.svg')]);
    mkdirSync(join(folder, 'a.b-2.pdf'));
    expect(await freePaths(files)).toEqual([join(folder, 'a.b-3.pdf'), join(folder, 'a.b-3.svg')]);
  });
});
