import type { CheckedNode } from '../../../../src-shared/networks/network.ts';
import type { Edges } from '../edges.ts';

export type Values = Float64Array<ArrayBufferLike>;
export type Get = (word: string) => Values | undefined;
/** Values are [rows, ...shape of one example], C order; `edges` if the rows are the nodes of a graph. */
export type HostOperation = (
  inputs: readonly Values[],
  node: CheckedNode,
  parameter: Get,
  edges?: Edges,
) => Values;

/** @throws Error where a checked network lacks a parameter: a defect */
export function need(parameter: Get, word: string): Values {
  const found = parameter(word);
  if (!found) throw new Error(`a value for ${word} is missing`);
  return found;
}
