/** Filters that a person has given a name belong to the workspace. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '../../src-shared/api.ts';
import { newFolder, refusal, testEngine } from './support/workspace.ts';

describe('saved filters', () => {
  it('are listed by name, replaced by name, removed, told to everybody, and there after a restart', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const told: EngineEvent[] = [];
    engine.subscribe((event) => void (event.type === 'filters-changed' && told.push(event)));
    await engine.call('filters.save', { name: ' set 10 ', text: ' tag:a ', sort: null });
    await engine.call('filters.save', { name: 'set 2', text: 'tag:b', sort: '-drop' });
    const replaced = await engine.call('filters.save', { name: 'set 10', text: 'tag:c', sort: null });
    const expected = [
      { name: 'set 2', text: 'tag:b', sort: '-drop' },
      { name: 'set 10', text: 'tag:c', sort: null },
    ];
    expect(replaced).toEqual(expected);
    expect(told).toHaveLength(3);
    expect(told.at(-1)).toEqual({ type: 'filters-changed', filters: expected });
    await engine.close();
    const again = await testEngine(workspace);
    expect(await again.call('filters.list', {})).toEqual(expected);
    expect(await again.call('filters.remove', { name: 'set 2' })).toEqual(expected.slice(1));
  });

  it('without a name or a filter are refused; a damaged file is named', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const save = (name: string, text: string) => engine.call('filters.save', { name, text, sort: null });
    expect(await refusal(save(' ', 'x'))).toMatch(/name: a saved filter needs a name/);
    expect(await refusal(save('x', ' '))).toMatch(/there is no filter to save/);
    expect(await refusal(engine.call('filters.remove', { name: 'x' }))).toBe('There is no saved filter "x".');
    const file = join(workspace, 'filters.json');
    writeFileSync(file, '{');
    expect(await refusal(engine.call('filters.list', {}))).toBe(
      `The saved filters cannot be read: ${file} is damaged.`,
    );
  });
});
