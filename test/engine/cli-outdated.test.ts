/** On the command line too, a result of files that changed since is never shown, drawn or exported without a word. */
import { copyFileSync, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';

const folder = temporaryFolder();
const here = ['--workspace', join(folder, 'workspace')];
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a result whose checkpoint was replaced', { timeout: 120_000 }, () => {
  const run = join(folder, 'run');
  const file = (model: number): string => join(run, `checkpoint_epoch_5_model_${model}.pt`);

  it('is marked in the list, and wherever it goes', async () => {
    cpSync(fixtureRun('sym0'), run, { recursive: true });
    const asked = ['run', 'match-weights', '--run', run, '--models', '1,2', '--epoch', '5', ...here];
    await basinJson(asked);
    const [before] = await basinJson<{ id: string; standing: object }[]>(['results', ...here]);
    expect(before!.standing).toEqual({ state: 'current', reason: null });
    const id = before!.id;
    expect((await basin(['results', 'show', id, ...here])).stderr).not.toContain('outdated');

    copyFileSync(file(3), file(2));
    const warning = `${id} is outdated: run/checkpoint_epoch_5_model_2.pt changed after it was measured.`;
    expect((await basin(['results', ...here])).stdout).toContain('outdated');
    const commands = [
      ['results', 'show', id],
      ['export', id, '--out', join(folder, 'r.json')],
      ['export', '--out', join(folder, 'all.zip')],
    ];
    for (const command of commands) {
      const outcome = await basin([...command, ...here]);
      expect([outcome.code, outcome.stderr.includes(warning)], command.join(' ')).toEqual([0, true]);
    }
    // Asked again, it is computed again.
    await basinJson(asked);
    expect(await basinJson<object[]>(['results', ...here])).toHaveLength(2);
  });
});
