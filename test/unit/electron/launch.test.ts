import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readLaunch, wordsOf } from '../../../src-main/electron/launch.ts';

const here = mkdtempSync(join(tmpdir(), 'basin-launch-'));
mkdirSync(join(here, 'run a'));
writeFileSync(join(here, 'run a', 'config.yaml'), '');
afterAll(() => rmSync(here, { recursive: true, force: true }));

describe('the command line of the desktop app', () => {
  it.each([
    [['--workspace', 'ws']],
    [['--workspace=ws']],
    [['--no-sandbox', '--workspace', join(here, 'ws'), '--inspect=0']],
  ])('%j names a workspace', (words) => {
    expect(readLaunch(words, here)).toEqual({ workspace: join(here, 'ws'), paths: [], missing: [] });
  });

  it('takes folders and files, relative, absolute and as addresses; says what is not there', () => {
    const words = [
      'run a',
      join(here, 'run a', 'config.yaml'),
      pathToFileURL(join(here, 'run a')).href,
      'no',
    ];
    expect(readLaunch([...words, '--workspace=~/w'], here)).toEqual({
      workspace: join(homedir(), 'w'),
      paths: [join(here, 'run a'), join(here, 'run a', 'config.yaml'), join(here, 'run a')],
      missing: [join(here, 'no')],
    });
  });

  it('is what comes after the program, and in a clone after the app', () => {
    expect(wordsOf(['electron', '--no-sandbox', '/clone', '--workspace', 'w', 'run'], true)).toEqual([
      ...['--no-sandbox', '--workspace', 'w', 'run'],
    ]);
    expect(wordsOf(['/opt/Basin/basin', 'run'], false)).toEqual(['run']);
  });
});
