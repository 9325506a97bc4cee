/** Failures by their cause. */
import { describe, expect, it } from 'vitest';
import { causesOf, failedBy } from '../../../src-renderer/state/causes.ts';
import { UserError } from '../../../src-shared/errors.ts';

describe('failures', () => {
  it('of one message are one cause of several subjects, each named once', () => {
    const missing = new UserError('data set "mnist": the folder /d does not exist.', { hint: 'Give it.' });
    const all = [
      failedBy('a', missing),
      failedBy('b', new Error('out of memory')),
      failedBy('c', missing),
      failedBy('a', missing),
    ];
    expect(causesOf(all)).toEqual([
      { message: missing.message, hint: 'Give it.', subjects: ['a', 'c'], isAboutData: true },
      { message: 'out of memory', hint: null, subjects: ['b'], isAboutData: false },
    ]);
    expect(causesOf([])).toEqual([]);
  });

  it('that miss one data set, each in a folder of its own, are one cause', () => {
    const missing = (folder: string) => new Error(`data set "mnist": the folder ${folder} does not exist.`);
    const other = new Error('data set "cifar10": no data folder is given.');
    const all = [failedBy('a', missing('/a')), failedBy('b', missing('/b')), failedBy('c', other)];
    expect(causesOf(all)).toEqual([
      {
        message:
          'The data set "mnist" is not where their configs say. For example, the folder /a does not exist.',
        ...{ hint: null, subjects: ['a', 'b'], isAboutData: true },
      },
      { message: other.message, hint: null, subjects: ['c'], isAboutData: true },
    ]);
  });
});
