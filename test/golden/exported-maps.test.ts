/** Orthogonal and invertible maps of networks of real PyTorch, whole and decomposed: as read by hand, and found again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect } from 'vitest';
import { alignByRotations } from '../../src-main/compute/alignment/orthogonal/align.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import { hasBinding } from '../../src-main/compute/backend/native.ts';
import { actingArrays } from '../../src-main/compute/networks/effective.ts';
import { inDoubles } from '../../src-main/compute/networks/permute.ts';
import { exportedModel } from '../../src-main/interop/adopt/exported.ts';
import { linearMapsOf } from '../../src-shared/networks/exported/linear-maps.ts';
import { untied } from '../../src-shared/networks/exported/untie.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import { itWithTorch, runPython } from '../support/torch.ts';
import { planted } from '../unit/exported/mixed.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-maps-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const script = fileURLToPath(new URL('exported/networks.py', import.meta.url));

/** Two layers of four heads: queries with keys, and values with outputs, of each. */
const heads = Array.from({ length: 16 }, () => 'invertible 8');
const tied = { 'wte.weight': 'lm_head.weight' };

const expected: Record<string, { maps: string[]; folds: number; tied: Record<string, string> }> = {
  vit: { maps: ['orthogonal 32', ...heads], folds: 5, tied: {} },
  gpt: { maps: ['orthogonal 32', ...heads], folds: 5, tied },
  // A norm behind every sum: its scale is in the stream. The stream is the input itself, too.
  transformer_encoder: { maps: Array.from({ length: 12 }, () => 'invertible 8'), folds: 0, tied: {} },
};

describe.skipIf(!hasBinding())('maps of a network exported from PyTorch', () => {
  for (const [name, { maps, folds, tied: keys }] of Object.entries(expected))
    itWithTorch(
      `are those read by hand, and a mixed copy is found again: ${name}`,
      { timeout: 600_000 },
      async () => {
        runPython([script, folder, name], {});
        for (const form of [name, `${name}_decomposed`]) {
          const { graph, state } = exportedModel(join(folder, `${form}.pt2`));
          const whole = readNetwork(graph);
          const split = untied(whole, { tied: keys });
          const network = split?.network ?? whole;
          const arrays = new Map(inDoubles(actingArrays(whole, state)));
          for (const [from, to] of split?.copies ?? []) arrays.set(to, arrays.get(from)!);
          const found = linearMapsOf(network).maps;
          expect(found.map(({ kind, whole: { size } }) => `${kind} ${size}`).toSorted(), form).toEqual(
            maps.toSorted(),
          );
          expect(found.flatMap((map) => map.folds)).toHaveLength(folds);
          const models = [arrays, planted({ network, arrays, maps: found }, 1)].map((own, i) => ({
            ...{ arrays: own, name: `model ${i + 1}` },
          }));
          const aligned = await alignByRotations(await loadBackend(), network, [models[0]!, models[1]!], {
            ...{ restarts: 2, seed: 1 },
          });
          expect(aligned.distances.permuted).toBeGreaterThan(1);
          expect(aligned.distances.aligned, form).toBeLessThan(1e-6);
        }
      },
    );
});
