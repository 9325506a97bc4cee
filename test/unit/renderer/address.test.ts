/** What a view writes into its address it reads from it again; what it does not know it says. */
import { describe, expect, it } from 'vitest';
import {
  choice,
  flag,
  list,
  listOrAll,
  numbers,
  readAddress,
  real,
  text,
  unknownText,
  whole,
  writeAddress,
} from '../../../src-renderer/state/address.ts';

const fields = {
  split: choice(['train', 'test'], 'test'),
  points: whole(9, [3, 201]),
  c: real(4),
  overlay: flag(true),
  folder: text(),
  runs: list(),
  groups: listOrAll,
  at: numbers,
};
/** With the types that the fields read, not those of one value. */
const written = (changes: Partial<typeof usual>) =>
  writeAddress<typeof usual>(fields, { ...usual, ...changes });
const usual = readAddress(fields, {}).state;

describe('addresses of views', () => {
  it('leaves out what is as usual', () => {
    expect(writeAddress(fields, usual)).toEqual({});
  });

  it('reads what it wrote, commas and signs in names included', () => {
    const state = {
      ...{ split: 'train' as const, points: 201, c: -0.25, overlay: false, folder: '/data/a, b & c' },
      ...{ runs: ['a,b', '100 %'], groups: ['one'], at: [3, 41] },
    };
    const search = new URLSearchParams(written(state)).toString();
    expect(readAddress(fields, Object.fromEntries(new URLSearchParams(search)))).toEqual({
      state,
      unknown: [],
    });
  });

  it('tells no groups from all groups', () => {
    expect(readAddress(fields, written({ groups: [] })).state.groups).toEqual([]);
    expect(readAddress(fields, written({ groups: null })).state.groups).toBeNull();
  });

  it('says what it does not know, and is as usual there', () => {
    const { state, unknown } = readAddress(fields, {
      ...{ split: 'tests', points: '2', c: 'much', overlay: 'maybe', runs: '%E0%A4%A', at: '1,x' },
    });
    expect(state).toEqual(usual);
    expect(unknown).toEqual([
      'split=tests',
      'points=2',
      'c=much',
      'overlay=maybe',
      'runs=%E0%A4%A',
      'at=1,x',
    ]);
    expect(unknownText(unknown)).toContain('“split=tests”');
    expect(unknownText([])).toBeUndefined();
  });
});
