/**
 * Entries of the weights of an exported network that training leaves as they were drawn: W_eff = D * W + (1 - D) * F, as in a
 * W-asymmetric network. A state dict has one tensor for it, the one that acts. So only training takes F, D and W apart.
 */
import { sizeOf } from '../shapes.ts';
import type { Graph, Parameter } from './graph.ts';

/** Numbers in a row of a tensor. */
export const rowSize = (shape: readonly number[]): number => sizeOf(shape.slice(1));

/** As training sees it: weights with held entries have an F and a D, of which no file knows. */
export function withHeldApart(graph: Graph): Graph {
  if (graph.parameters.every(({ held }) => !held)) return graph;
  return { ...graph, parameters: graph.parameters.flatMap(apart) };
}

function apart({ held, ...parameter }: Parameter): Parameter[] {
  if (!held) return [parameter];
  const { name, shape } = parameter;
  const [f, d] = [`${name}.F`, `${name}.D`];
  const stream = (of: string): string => `held/${name}/${of}`;
  return [
    { ...parameter, family: { fixed: { tensor: f, scale: held.scale }, mask: d, support: 'fixed' } },
    {
      ...{ name: f, shape, role: 'fixed' },
      initial: { kind: 'normal', deviation: 1, stream: stream('F') },
    },
    {
      ...{ name: d, shape, role: 'fixed' },
      initial: { kind: 'mask', zeros: held.count, stream: stream('D') },
    },
  ];
}

/** What is held, in words; undefined if nothing is. */
export function heldText({ parameters }: Graph): string | undefined {
  const texts = parameters.flatMap(({ name, shape, held }) =>
    held ? [`${held.count} of the ${rowSize(shape)} entries of every row of ${name}`] : [],
  );
  const more = texts.length > 4 ? ` and ${texts.length - 3} more` : '';
  return texts.length === 0 ? undefined : texts.slice(0, more === '' ? 4 : 3).join(', ') + more;
}
