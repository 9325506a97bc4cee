/**
 * A stochastic block model whose classes can be learned from features and neighbours: nodes of random classes, edges more
 * often inside a class than between two, features around the mean of the class.
 */
import type { GeometryPlan } from '../../../src-shared/config.ts';
import { RandomStream } from '../random.ts';
import type { Dataset } from './dataset.ts';
import { graphDataset, undirected } from './graph.ts';

type Plan = Extract<GeometryPlan, { kind: 'block-model' }>['values'];

/** Shares of the nodes that are trained on, and that validate; the rest tests. */
const shares = { train: 0.5, val: 0.2 };

/** The same plan always makes the same graph. */
export function blockModel(plan: Plan): Dataset {
  const { num_nodes: nodes, num_classes: classes, num_features: features, graph_seed: seed } = plan;
  const stream = (what: string): RandomStream => new RandomStream(seed, 'block-model', what);
  const drawn = stream('labels');
  const labels = Int32Array.from({ length: nodes }, () => drawn.integer(classes));
  const [means, noise] = [
    stream('means').normals(classes * features),
    stream('noise').normals(nodes * features),
  ];
  const x = noise.map((value, i) => {
    const mean = means[labels[Math.floor(i / features)]! * features + (i % features)]!;
    return plan.class_separation * mean + value;
  });
  const order = stream('split').permutation(nodes);
  const [train, val] = [Math.round(shares.train * nodes), Math.round(shares.val * nodes)];
  const part = (start: number, end: number) => Int32Array.from(order.slice(start, end)).sort();
  const origin = `synthetic: a block model of ${nodes} nodes in ${classes} classes, seed ${seed}`;
  return graphDataset('block-model', origin, {
    ...{ nodes, features, x, labels, sha256: {} },
    edges: undirected(drawEdges(plan, labels, stream('edges')), nodes),
    split: { train: part(0, train), val: part(train, train + val), test: part(train + val, nodes) },
  });
}

/** From, to. Every node draws half of its expected neighbours; with probability `homophily` one of its own class. */
function drawEdges({ degree, homophily }: Plan, labels: Int32Array, stream: RandomStream): Int32Array {
  const members = Map.groupBy(labels.keys(), (node) => labels[node]!);
  const drawn: number[] = [];
  const perNode = degree / 2;
  for (const [node, label] of labels.entries()) {
    const count = Math.floor(perNode) + (stream.uniform() < perNode % 1 ? 1 : 0);
    for (let k = 0; k < count; k++) {
      const own = stream.uniform() < homophily;
      const among = own ? members.get(label)! : undefined;
      const other = among ? among[stream.integer(among.length)]! : stream.integer(labels.length);
      if (other !== node) drawn.push(node, other);
    }
  }
  return Int32Array.from(drawn);
}
