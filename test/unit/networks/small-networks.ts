/** Networks that are no chains, by hand: a residual stream, shared weights, a joined value. */
import type { Graph, Node, Parameter } from '../../../src-shared/networks/graph.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';

class Sketch {
  readonly nodes: Partial<Node>[] = [];
  readonly parameters = new Map<string, Parameter>();

  add(id: string, op: string, inputs: string[], rest: Partial<Node> = {}): this {
    this.nodes.push({ id, op, inputs, ...rest });
    return this;
  }

  /** @param weights the module whose weights it uses; absent: its own */
  linear(id: string, from: string, [outputs, inputs]: [number, number], weights = id): this {
    const [weight, bias] = [`${weights}.weight`, `${weights}.bias`];
    this.parameters.set(weight, { name: weight, shape: [outputs, inputs], role: 'trained' });
    this.parameters.set(bias, { name: bias, shape: [outputs], role: 'trained' });
    return this.add(id, 'linear', [from], { parameters: { weight, bias } });
  }

  layerNorm(id: string, from: string, units: number): this {
    const [weight, bias] = [`${id}.weight`, `${id}.bias`];
    for (const name of [weight, bias]) this.parameters.set(name, { name, shape: [units], role: 'trained' });
    return this.add(id, 'norm', [from], { parameters: { weight, bias }, attributes: { kind: 'layer' } });
  }

  activation(id: string, from: string, kind: string): this {
    return this.add(id, 'activation', [from], { attributes: { kind } });
  }

  network(inputs: number, output: string, groupNames: Graph['groupNames'] = {}): Network {
    const { nodes, parameters } = this;
    return readNetwork({
      ...{ inputs: [{ id: 'x', shape: [inputs] }], parameters: [...parameters.values()], nodes },
      ...{ output, groupNames },
    });
  }
}

/** A stream of 10 units, two branches (norm, up to 14, gelu, down) that are added to it, a norm, 5 classes. */
export function residualNetwork(): Network {
  const sketch = new Sketch().linear('embed', 'x', [10, 12]);
  let stream = 'embed';
  for (const k of [0, 1]) {
    sketch.layerNorm(`norms.${k}`, stream, 10).linear(`up.${k}`, `norms.${k}`, [14, 10]);
    sketch.activation(`act.${k}`, `up.${k}`, 'gelu').linear(`down.${k}`, `act.${k}`, [10, 14]);
    sketch.add(`sum.${k}`, 'add', [stream, `down.${k}`]);
    stream = `sum.${k}`;
  }
  sketch.layerNorm('norm', stream, 10).linear('head', 'norm', [5, 10]);
  return sketch.network(12, 'head', { embed: 'stream' });
}

/** Square weights on the stream itself: rows and columns of `mix` move together. */
export function squareNetwork(): Network {
  return new Sketch()
    .linear('embed', 'x', [10, 12])
    .linear('mix', 'embed', [10, 10])
    .activation('act', 'mix', 'tanh')
    .add('sum', 'add', ['embed', 'act'])
    .linear('head', 'sum', [5, 10])
    .network(12, 'head');
}

/** The weights `again` are used by two layers, one behind the other. */
export function sharedNetwork(): Network {
  return new Sketch()
    .linear('first', 'x', [10, 12])
    .activation('act.0', 'first', 'relu')
    .linear('again.1', 'act.0', [10, 10], 'again')
    .activation('act.1', 'again.1', 'relu')
    .linear('again.2', 'act.1', [10, 10], 'again')
    .activation('act.2', 'again.2', 'relu')
    .linear('last', 'act.2', [5, 10])
    .network(12, 'last');
}

/** Two branches joined: each group has a part of the columns of `head` to itself, and `left` a second one. */
export function joinedNetwork(): Network {
  return new Sketch()
    .linear('left', 'x', [9, 12])
    .activation('left.act', 'left', 'gelu')
    .linear('right', 'x', [7, 12])
    .activation('right.act', 'right', 'tanh')
    .add('joined', 'concat', ['left.act', 'right.act', 'left'])
    .linear('head', 'joined', [5, 25])
    .network(12, 'head');
}
