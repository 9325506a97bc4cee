/** Follows units through an exported network, node by node: what each operation says of the axes of its value. */
import type { CheckedNode, Network } from '../network.ts';
import type { TorchCall } from '../operations/torch.ts';
import { BlockLabels } from './blocks.ts';
import { Parameters } from './parameters.ts';
import type { PlacedUnits } from './parameters.ts';
import { heldValue } from './rule.ts';
import type { RuleContext } from './rule.ts';
import { callRules } from './rules.ts';
import type { TorchRules } from './rules.ts';
import { Rules, Unfollowed } from './value.ts';
import type { UnitValue } from './value.ts';

export interface FollowedUnits {
  readonly blocks: BlockLabels;
  readonly placed: readonly PlacedUnits[];
  /** Parameter -> the place of the first node that reads it. */
  readonly readAt: ReadonlyMap<string, number>;
  readonly values: ReadonlyMap<string, UnitValue>;
}

/** @param calls the rules; others are for tests */
export function followUnits(network: Network, calls: TorchRules = callRules): FollowedUnits {
  const blocks = new BlockLabels();
  const parameters = new Parameters(blocks, network);
  const values = new Map<string, UnitValue>();
  const readAt = new Map<string, number>();
  for (const { id, shape } of network.graph.inputs) {
    values.set(id, heldValue([1, ...shape], 'input of the network'));
  }
  network.nodes.forEach((node, place) => {
    const inputs = node.takes.map((id) => values.get(id)!);
    const value = followed(inputs, { node, parameters, rules: new Rules(blocks, node.id) }, calls);
    if (!fits(value, node)) throw new Unfollowed(`${node.id}: its shape is not [${value.sizes.join(', ')}]`);
    values.set(node.id, value);
    const read = [
      ...inputs.flatMap(({ parameter }) => parameter ?? []),
      ...(node.op === 'torch' ? [] : Object.values(node.parameters).map(({ name }) => name)),
    ];
    for (const name of read) if (!readAt.has(name)) readAt.set(name, place);
  });
  new Rules(blocks, network.graph.output).holdAll(values.get(network.graph.output)!, 'output of the network');
  return { blocks, placed: parameters.placed(), readAt, values };
}

/** What comes out must be what is known of the node for one example. */
function fits({ sizes }: UnitValue, { shape }: CheckedNode): boolean {
  return sizes.join() === shape.join() || sizes.join() === [1, ...shape].join();
}

type AnyRule = (inputs: readonly UnitValue[], settings: TorchCall, context: RuleContext) => UnitValue;

function followed(inputs: readonly UnitValue[], context: RuleContext, calls: TorchRules): UnitValue {
  const { node, rules, parameters } = context;
  if (node.op === 'torch') {
    const settings = node.attributes as TorchCall;
    return (calls[settings.call] as AnyRule)(inputs, settings, context);
  }
  const [x] = inputs as [UnitValue];
  if (node.op === 'dropout') return x;
  if (node.op === 'norm' && (node.attributes as { kind: string }).kind === 'batch') {
    // Entry by entry along the last axis.
    const words = ['weight', 'bias', 'running_mean', 'running_var'];
    const values = words.flatMap((word) => {
      const parameter = node.parameters[word];
      return parameter ? [parameters.value(parameter.name)] : [];
    });
    return rules.combine([x, ...values], x.sizes);
  }
  // Exported networks have no other nodes.
  const reason = `${node.id}: no rule is known for ${node.op}`;
  for (const value of inputs) rules.holdAll(value, reason);
  return heldValue([1, ...node.shape], reason);
}
