/**
 * Declared networks that are plain chains: linear layer, at most one norm, at most one activation, and again. Their
 * config lists them as such, so that every analysis works on them.
 */
import { activations } from '../../../src-shared/domain.ts';
import type { Activation } from '../../../src-shared/domain.ts';
import { isCounter } from '../../formats/tensor-names.ts';
import { usualEpsilonOf } from '../../../src-shared/networks/operations/norm.ts';
import type { NormAttributes } from '../../../src-shared/networks/operations/norm.ts';
import { declaredInput } from '../../../src-shared/networks/declared.ts';
import type { CheckedNode, Network } from '../../../src-shared/networks/network.ts';

/** A linear layer and what follows it. */
interface Block {
  linear: CheckedNode;
  norm?: CheckedNode;
  activation?: Activation;
}

/** The section `model` of a config.yaml; undefined for a network that is no such chain. */
export function chainSection(
  network: Network,
  ignored: readonly string[] = [],
): Record<string, unknown> | undefined {
  const blocks = blocksOf(network);
  if (!blocks) return undefined;
  const hidden = blocks.slice(0, -1).map(({ linear, norm, activation }) => ({
    outputs: linear.shape[0]!,
    norm: norm ? kindOf(norm) : null,
    activation: activation ?? 'identity',
  }));
  const [first] = hidden;
  const alike = hidden.every((layer) => JSON.stringify(layer) === JSON.stringify(first));
  const outputs = blocks.at(-1)!.linear.shape[0]!;
  const { names, constants } = tensorsOf(blocks);
  // How many batches a batch norm has seen stands beside its statistics, and matters to training alone.
  const counters = [...network.parameters.keys()].filter(isCounter);
  const left = [...new Set([...ignored, ...counters])];
  return {
    // Plain where every hidden layer is alike, so that the published scripts read it.
    ...{ name: alike ? 'mlp_mnist' : 'mlp_chain', symmetry: 0 },
    ...{ input_dim: blocks[0]!.linear.inputs[0]![0], output_dim: outputs, num_layers: blocks.length },
    ...(alike
      ? {
          hidden_dim: first!.outputs,
          norm: first!.norm,
          activation: first!.activation,
          elementwise_affine: true,
        }
      : { layers: [...hidden, { outputs }] }),
    parameter_names: names,
    ...(Object.keys(constants).length > 0 && { constants }),
    ...(left.length > 0 && { ignored_tensors: left }),
  };
}

const kindOf = ({ attributes }: CheckedNode): string => (attributes as { kind: string }).kind;

function blocksOf({ nodes }: Network): Block[] | undefined {
  const used = nodes.flatMap(({ parameters }) => Object.values(parameters).map(({ name }) => name));
  if (new Set(used).size < used.length) return undefined;
  const blocks: Block[] = [];
  for (const [i, node] of nodes.entries()) {
    if (node.takes.join() !== (nodes[i - 1]?.id ?? declaredInput)) return undefined;
    if (!pushed(node, blocks)) return undefined;
  }
  const last = blocks.at(-1)!;
  const ends = !last.norm && (last.activation ?? 'identity') === 'identity';
  return ends && blocks.length > 1 ? blocks : undefined;
}

/** False where a chain has no place for the node. */
function pushed(node: CheckedNode, blocks: Block[]): boolean {
  const before = blocks.at(-1);
  if (node.op === 'linear') {
    blocks.push({ linear: node });
    return true;
  }
  if (!before || before.activation !== undefined) return false;
  if (node.op === 'activation') {
    const kind = activations.find((known) => known === kindOf(node));
    if (kind !== undefined) before.activation = kind;
    return kind !== undefined;
  }
  if (node.op !== 'norm' || before.norm) return false;
  const { kind, epsilon } = node.attributes as NormAttributes;
  if (epsilon !== usualEpsilonOf(kind) || (kind === 'rms' && node.parameters['bias'])) return false;
  before.norm = node;
  return true;
}

/** Basin's names -> those of the files, and what fills tensors that the files lack. */
function tensorsOf(blocks: readonly Block[]): {
  names: Record<string, string>;
  constants: Record<string, number>;
} {
  const names: Record<string, string> = {};
  const constants: Record<string, number> = {};
  const place = (own: string, name: string | undefined, otherwise: number): void => {
    if (name === undefined) constants[own] = otherwise;
    else names[own] = name;
  };
  blocks.forEach(({ linear, norm }, i) => {
    place(`lins.${i}.weight`, linear.parameters['weight']?.name, 0);
    place(`lins.${i}.bias`, linear.parameters['bias']?.name, 0);
    if (!norm) return;
    place(`norms.${i}.weight`, norm.parameters['weight']?.name, 1);
    if (kindOf(norm) !== 'rms') place(`norms.${i}.bias`, norm.parameters['bias']?.name, 0);
    for (const word of ['running_mean', 'running_var'])
      if (norm.parameters[word]) names[`norms.${i}.${word}`] = norm.parameters[word].name;
  });
  return { names, constants };
}
