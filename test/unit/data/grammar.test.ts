/** scripts/grammar.mjs: what it writes can be learnt from. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readNpy } from '../../../src-main/formats/npy.ts';
import { add, fresh, name } from '../../support/add-data.ts';

const script = fileURLToPath(new URL('../../../scripts/grammar.mjs', import.meta.url));

function written(...numbers: number[]): { path: string; words: string[] } {
  const path = fresh('text.npy');
  const { stdout, status } = spawnSync(process.execPath, [script, path, ...numbers.map(String)], {
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  return { path, words: (JSON.parse(stdout) as { words: string[] }).words };
}

it('sentences of a small grammar become a data set for the next token', async () => {
  const { path, words } = written(40, 17, 3);
  const { shape, data } = readNpy(path);
  expect(shape).toEqual([40, 17]);
  const text = [...(data as Int32Array)].map((token) => words[token]!).join(' ');
  // Its first sentences are whole: a verb agrees with its subject.
  expect(text).not.toMatch(/\b(?:a|every) (?:old |small |red )?(?:cats|dogs|birds|children)\b/);
  expect(text).toMatch(/\b(?:cats|dogs|birds|children) (?:see|like|follow|sleep)\b/);
  expect(text).not.toContain('undefined');
  expect(new Uint8Array(readNpy(written(40, 17, 3).path).data.buffer)).toEqual(new Uint8Array(data.buffer));
  const added = await add({ name: name(), task: 'next-token', inputs: path });
  expect(added).toMatchObject({ features: 16, task: 'next-token', dtype: 'int32', train: 36, test: 4 });
  expect(added.classes).toBeLessThanOrEqual(words.length);
});
