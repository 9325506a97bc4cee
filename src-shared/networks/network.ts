/** From a graph as written down to a network whose names, attributes and shapes have been checked. */
import { messageOf, UserError } from '../errors.ts';
import { didYouMean } from '../near-miss.ts';
import type { Objective } from '../objective.ts';
import { companionsOf } from './families.ts';
import { graphSchema } from './graph.ts';
import type { Graph, Node, Parameter } from './graph.ts';
import type { NodeFacts, Operation } from './operation.ts';
import { isOperation, operationNames, operationOf } from './operations.ts';

/** A node that fits its operation. */
export interface CheckedNode extends NodeFacts<unknown> {
  readonly op: string;
  readonly operation: Operation;
  /** Ids of the values it takes. */
  readonly takes: readonly string[];
  /** Of its value, for one example. */
  readonly shape: readonly number[];
}

export interface Network {
  readonly graph: Graph;
  /** In the order of computation. */
  readonly nodes: readonly CheckedNode[];
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** Shapes of one example, by the id of a node or input. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** What its loss is, if examples have several binary labels; absent: the cross entropy of one class per example. */
  readonly objective?: Objective | undefined;
}

/**
 * @param where names the file in messages
 * @throws UserError naming the node or parameter and what was expected
 */
export function readNetwork(value: unknown, where = 'network'): Network {
  const parsed = graphSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new UserError(`${where}: ${issue.path.join('.')}: ${issue.message}.`);
  }
  const graph = parsed.data;
  const parameters = parametersOf(graph, where);
  const shapes = new Map<string, readonly number[]>(graph.inputs.map(({ id, shape }) => [id, shape]));
  const nodes: CheckedNode[] = [];
  for (const node of graph.nodes) {
    if (shapes.has(node.id)) throw new UserError(`${where}: the id "${node.id}" is used twice.`);
    const checked = checkNode(node, shapes, parameters, where);
    shapes.set(node.id, checked.shape);
    nodes.push(checked);
  }
  if (!shapes.has(graph.output))
    throw new UserError(
      `${where}: output: there is no node "${graph.output}".${didYouMean(graph.output, [...shapes.keys()])}`,
    );
  return { graph, nodes, parameters, shapes };
}

function parametersOf(graph: Graph, where: string): Map<string, Parameter> {
  const parameters = new Map<string, Parameter>();
  for (const parameter of graph.parameters) {
    if (parameters.has(parameter.name))
      throw new UserError(`${where}: the parameter "${parameter.name}" is declared twice.`);
    parameters.set(parameter.name, parameter);
  }
  for (const { name, shape, family } of graph.parameters) {
    for (const companion of family ? companionsOf(family) : []) {
      const found = parameters.get(companion)?.shape;
      if (found?.join() === shape.join()) continue;
      throw new UserError(
        `${where}: "${name}" needs "${companion}" of shape [${shape.join(', ')}]; ` +
          (found ? `it has [${found.join(', ')}].` : 'it is not declared.'),
      );
    }
  }
  return parameters;
}

function checkNode(
  node: Node,
  shapes: ReadonlyMap<string, readonly number[]>,
  declared: ReadonlyMap<string, Parameter>,
  where: string,
): CheckedNode {
  const at = `${where}: node "${node.id}"`;
  if (!isOperation(node.op))
    throw new UserError(
      `${at}: the operation "${node.op}" is not known; expected one of ${operationNames.join(', ')}.`,
    );
  const operation = operationOf(node.op);
  const inputs = node.inputs.map((id) => {
    const shape = shapes.get(id);
    if (!shape) throw new UserError(`${at}: there is no value "${id}" before it.`);
    return shape;
  });
  const [fewest, most] = operation.inputs;
  if (inputs.length < fewest || inputs.length > most)
    throw new UserError(
      `${at}: ${node.op} takes ${most === fewest ? fewest : `at least ${fewest}`} values, found ${inputs.length}.`,
    );
  const attributes = operation.attributes.safeParse(node.attributes);
  if (!attributes.success) {
    const issue = attributes.error.issues[0]!;
    throw new UserError(`${at}: ${issue.path.join('.') || 'attributes'}: ${issue.message}.`);
  }
  const parameters = parametersOfNode(node, operation, declared, at);
  const facts = { id: node.id, attributes: attributes.data, inputs, parameters };
  try {
    return { ...facts, op: node.op, operation, takes: node.inputs, shape: operation.shape(facts) };
  } catch (error) {
    throw new UserError(`${where}: ${messageOf(error)}.`);
  }
}

function parametersOfNode(
  { parameters, op }: Node,
  operation: Operation,
  declared: ReadonlyMap<string, Parameter>,
  at: string,
): Record<string, Parameter> {
  for (const [word, need] of Object.entries(operation.parameters)) {
    if (need === 'needed' && parameters[word] === undefined)
      throw new UserError(`${at}: ${op} needs the parameter ${word}.`);
  }
  return Object.fromEntries(
    Object.entries(parameters).map(([word, name]) => {
      if (!Object.hasOwn(operation.parameters, word))
        throw new UserError(
          `${at}: ${op} has no parameter ${word}.${didYouMean(word, Object.keys(operation.parameters))}`,
        );
      const parameter = declared.get(name);
      if (parameter) return [word, parameter];
      throw new UserError(`${at}: the parameter "${name}" is not declared.`);
    }),
  );
}
