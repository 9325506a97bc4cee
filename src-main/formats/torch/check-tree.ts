/** After unpickling: the result must be a plain, acyclic tree of bounded depth and size, so that every reader of it ends. */
import { UserError } from '../../../src-shared/errors.ts';
import type { PickleValue } from './values.ts';
import type { Tree } from './tree.ts';

const deepest = 200;
/** Counted with repetitions: a value that is referred to twice counts twice ("billion laughs"). */
const mostNodes = 20_000_000;

interface Frame {
  node: object;
  children: Iterator<PickleValue>;
  nodes: number;
  height: number;
}

/** @throws UserError if the value contains itself, or is too deep or too large. */
export function checkTree(root: PickleValue, name: string): Tree {
  const done = new Map<object, { nodes: number; height: number }>();
  const open = new Set<object>();
  const frames: Frame[] = [];
  const enter = (value: PickleValue): { nodes: number; height: number } | undefined => {
    if (!isContainer(value)) return leaf;
    if (open.has(value)) throw new UserError(`${name}: a list or dict in it contains itself.`);
    const known = done.get(value);
    if (known) return known;
    if (frames.length >= deepest) throw tooDeep(name);
    open.add(value);
    frames.push({ node: value, children: childrenOf(value), nodes: 1, height: 1 });
    return undefined;
  };
  enter(root);
  for (let frame = frames.at(-1); frame; frame = frames.at(-1)) {
    const next = frame.children.next();
    if (!next.done) {
      const measured = enter(next.value);
      if (measured) add(frame, measured, name);
      continue;
    }
    frames.pop();
    open.delete(frame.node);
    done.set(frame.node, { nodes: frame.nodes, height: frame.height });
    const parent = frames.at(-1);
    if (parent) add(parent, frame, name);
  }
  return root as Tree;
}

const leaf = { nodes: 1, height: 0 };

function add(frame: Frame, child: { nodes: number; height: number }, name: string): void {
  frame.nodes += child.nodes;
  frame.height = Math.max(frame.height, child.height + 1);
  if (frame.height > deepest) throw tooDeep(name);
  if (frame.nodes > mostNodes) throw new UserError(`${name}: it holds more than ${mostNodes} values.`);
}

function isContainer(value: PickleValue): value is PickleValue[] | Map<PickleValue, PickleValue> {
  return Array.isArray(value) || value instanceof Map;
}

function* childrenOf(value: PickleValue[] | Map<PickleValue, PickleValue>): Generator<PickleValue> {
  if (Array.isArray(value)) return yield* value;
  for (const [key, item] of value) {
    yield key;
    yield item;
  }
}

function tooDeep(name: string): UserError {
  return new UserError(`${name}: its containers are nested more than ${deepest} deep.`);
}
