/** Which tokens an exported network knows: the rows of the tables that its inputs are looked up in, also behind moves. */
import { expect, it, test } from 'vitest';
import { exportedModel } from '../../../src-main/interop/adopt/exported.ts';
import type { Graph } from '../../../src-shared/networks/graph.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { vocabularyOf } from '../../../src-shared/networks/tokens.ts';
import { exportedFixture } from './files.ts';

const { graph } = exportedModel(exportedFixture('bag.pt2'));
const tokens = 'tokens_as_given';

type Node = Graph['nodes'][number];
const step = (id: string, inputs: string[], attributes: object): Node => ({
  ...{ id, op: 'torch', inputs, parameters: {} },
  attributes: { shape: [5], ...attributes },
});
const part = (id: string, start: number, count: number): Node =>
  step(id, [tokens], { call: 'slice', axis: 1, start, count, step: 1, shape: [count] });

/** Of sequences of 5 tokens; its table, of 7 rows, is looked up by the last of these. */
function knownBehind(...steps: Node[]): number | undefined {
  const nodes = graph.nodes.flatMap((node) =>
    node.id === 'embedding' ? [...steps, { ...node, inputs: ['embed.weight', steps.at(-1)!.id] }] : [node],
  );
  return vocabularyOf(readNetwork({ ...graph, nodes }));
}

it('is that of the table', () => {
  expect(vocabularyOf(readNetwork(graph))).toBe(7);
});

test.each<[string, ...Node[]]>([
  [
    'a view in one row, and back',
    step('flat', [tokens], { call: 'reshape', sizes: [{ per: 5, plus: 0 }] }),
    step('rows', ['flat'], { call: 'reshape', sizes: [{ per: 1, plus: 0 }, 5] }),
  ],
  ['a transposition', step('turned', [tokens], { call: 'permute', order: [1, 0] })],
  ['the end of the context', part('end', 2, 3)],
  ['the other direction', step('back', [tokens], { call: 'flip', axes: [1] })],
  ['copies', step('copies', [tokens], { call: 'expand', sizes: [2, { per: 1, plus: 0 }, 5], kind: 'int' })],
  [
    'halves in another order',
    part('a', 0, 2),
    part('b', 2, 3),
    step('both', ['b', 'a'], { call: 'concat', axis: 1 }),
  ],
])('is known behind %s', (_what, ...steps) => {
  expect(knownBehind(...steps)).toBe(7);
});

const seven = step('seven', [], { call: 'full', kind: 'int', sizes: [5], value: 7 });

test.each<[string, ...Node[]]>([
  ['is computed', seven, step('more', [tokens, 'seven'], { call: 'binary', name: 'add', kind: 'int' })],
  [
    'comes partly from elsewhere',
    seven,
    step('both', [tokens, 'seven'], { call: 'concat', axis: 1, shape: [10] }),
  ],
])('is not known if the place in the table %s', (_what, ...steps) => {
  expect(knownBehind(...steps)).toBeUndefined();
});

/** A network that also looks up something in a table of this many rows. */
function withTable(rows: number, at: string, ...steps: Node[]): Node[] {
  const sizes = [rows, 6];
  return [
    ...steps,
    step('table', [], { call: 'full', kind: 'float', sizes, value: 1, shape: sizes }),
    step('looked-up', ['table', at], { call: 'embedding', shape: [5, 6] }),
  ];
}

it('is that of the smallest table for the same tokens, and of the largest for different ones', () => {
  expect(knownBehind(...withTable(3, tokens), part('rest', 1, 4))).toBe(3);
  // A kind in front of each sequence: the rest may hold what the table of kinds lacks.
  expect(knownBehind(...withTable(3, 'kind', part('kind', 0, 1)), part('rest', 1, 4))).toBe(7);
});
