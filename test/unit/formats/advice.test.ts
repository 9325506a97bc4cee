/** The advice that a refusal gives is run in real Python: Basin must read what comes out of it. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { weightsFixture } from '../../support/fixtures.ts';
import { itWithTorch, runPython } from '../../support/torch.ts';
import { temporaryFolder } from './make-files.ts';

const folder = temporaryFolder();
/** One process for all: importing torch takes long. */
const runner = `
import json, os, pickle, sys, warnings
import numpy, torch
warnings.simplefilter("ignore")
for given in json.load(sys.stdin):
    os.chdir(given["folder"])
    exec(given["code"])
print("true")
`;

function hintFor(path: string): string {
  try {
    openCheckpoint(path).close();
  } catch (thrown) {
    if (thrown instanceof UserError && thrown.hint !== undefined) return thrown.hint;
    throw thrown;
  }
  throw new Error('it was accepted');
}

describe('the advice', () => {
  itWithTorch('for other formats makes files that are read', () => {
    const cases = [
      [weightsFixture('bare-pickle.pkl'), 'weights.pkl'],
      [weightsFixture('arrays.npz'), 'weights.npz'],
      [weightsFixture('torch-export.pt2'), 'model.pt2'],
      [fileURLToPath(new URL('data/torch-script.pt', import.meta.url)), 'model.pt'],
    ] as const;
    const given = cases.map(([from, name]) => {
      const own = join(folder, `for ${name}`);
      mkdirSync(own);
      copyFileSync(from, join(own, name));
      const code = /torch\.save\(.*?"weights\.pt"\)/.exec(hintFor(join(own, name)))?.[0];
      expect(code).toBeDefined();
      return { folder: own, code };
    });
    runPython(['-c', runner], given);
    for (const { folder: own } of given) {
      const checkpoint = openCheckpoint(join(own, 'weights.pt'));
      expect([...checkpoint.tensors.keys()].toSorted()).toEqual(['bias', 'weight']);
      for (const tensor of checkpoint.tensors.values()) expect(tensor.read().length).toBeGreaterThan(0);
      checkpoint.close();
    }
  });
});
