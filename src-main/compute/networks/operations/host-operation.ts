import type { CheckedNode } from '../../../../src-shared/networks/network.ts';

export type Values = Float64Array<ArrayBufferLike>;
export type Get = (word: string) => Values | undefined;
/** Values are [rows, ...shape of one example], C order. */
export type HostOperation = (inputs: readonly Values[], node: CheckedNode, parameter: Get) => Values;

/** @throws Error where a checked network lacks a parameter: a defect */
export function need(parameter: Get, word: string): Values {
  const found = parameter(word);
  if (!found) throw new Error(`a value for ${word} is missing`);
  return found;
}
