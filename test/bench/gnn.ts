/**
 * One epoch of a graph network on a random graph of ogbn-arxiv's size: 169,343 nodes, 1,166,243 edges made undirected, 128
 * features, three layers of 256 units, 40 classes; the step and the validation, and the most memory that the process held.
 * In turn with PyTorch's sparse product doing the same, where BASIN_TORCH_PYTHON names a Python with torch. Fails if an
 * epoch takes more than 4 GiB. Linux only: memory comes from /proc.
 *
 *   node test/bench/gnn.ts
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accounted } from '../../src-main/compute/accounted.ts';
import { deviceName } from '../../src-main/compute/backend/device-name.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { onlyNodes, undirected } from '../../src-main/compute/data/graph.ts';
import type { Examples } from '../../src-main/compute/data/index.ts';
import { initialise } from '../../src-main/compute/models/index.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import { HeldOut } from '../../src-main/compute/training/held-out.ts';
import type { OptimizerSettings } from '../../src-main/compute/training/optimizer.ts';
import { TrainingSession } from '../../src-main/compute/training/session.ts';
import { arxiv } from '../../src-main/formats/graph-data.ts';
import { loadTrainingConfig } from '../../src-main/formats/presets.ts';
import { resolveTrainable } from '../../src-shared/config.ts';
import { executionText, trainingExecutionText } from '../../src-shared/execution.ts';
import { inTurns, median, torchTurns } from './support/torch-turns.ts';

const turns = 3;
const limit = 4096;
const optimizer: OptimizerSettings = {
  ...{ name: 'adamw', lr: 1e-2, weightDecay: 0.01, betas: [0.9, 0.999], eps: 1e-8 },
};

/** The most that was resident so far, in MiB. */
function peak(): number {
  const found = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found?.[1]) / 1024;
}

function randomGraph(): Examples {
  const stream = new RandomStream(1, 'bench');
  const { nodes, features, classes } = arxiv;
  const directed = Int32Array.from({ length: 2 * arxiv.edges }, () => stream.integer(nodes));
  return {
    ...{ count: nodes, features, x: stream.normals(nodes * features) },
    labels: Int32Array.from({ length: nodes }, () => stream.integer(classes)),
    edges: undirected(directed, nodes),
  };
}

interface Times {
  /** Seconds. */
  step: number;
  epoch: number;
}

interface Epochs {
  measure(): Promise<Times>;
  ways: string;
  dispose(): void;
}

async function openEpochs(backend: Backend, graph: Examples): Promise<Epochs> {
  const preset = 'gnn_symmetry0';
  const spec = resolveTrainable(loadTrainingConfig(preset), preset);
  const states = initialise(spec, { init: [1], mask: 2 });
  const even = Int32Array.from({ length: Math.ceil(graph.count / 2) }, (_, i) => 2 * i);
  const odd = Int32Array.from({ length: Math.floor(graph.count / 2) }, (_, i) => 2 * i + 1);
  const plan = { spec, optimizer, batchSize: 1, totalSteps: 100 };
  const session = new TrainingSession(backend, plan, states, onlyNodes(graph, even));
  const validation = onlyNodes(graph, odd);
  const heldOut = new HeldOut(backend, session, 100 * graph.count);
  const measure = async (): Promise<Times> => {
    const began = performance.now();
    const [losses] = session.run([{ rows: [], learningRate: optimizer.lr }]);
    const step = performance.now() - began;
    const { loss } = await heldOut.scores(session, validation, () => Promise.resolve());
    if (!Number.isFinite(losses![0]) || !Number.isFinite(loss[0]))
      throw new Error('the training went astray');
    return { step: step / 1000, epoch: (performance.now() - began) / 1000 };
  };
  await measure();
  return {
    measure,
    ways: `steps ${trainingExecutionText(session.execution)}; validation ${executionText(heldOut.execution)}`,
    dispose: () => {
      heldOut.dispose();
      session.dispose();
    },
  };
}

interface TorchResult extends Times {
  peak: number;
  version: string;
}

async function run(backend: Backend, folder: string): Promise<void> {
  const graph = randomGraph();
  const { sources, targets } = graph.edges!;
  writeFileSync(join(folder, 'sources.bin'), sources);
  writeFileSync(join(folder, 'targets.bin'), targets);
  const { nodes, features, classes } = arxiv;
  const ours = await openEpochs(backend, graph);
  const sizes = [nodes, features, 256, classes, backend.threads];
  const torch = torchTurns<TorchResult>('gnn_torch.py', [folder, ...sizes]);
  const found = await inTurns<Times | TorchResult>(turns, [
    () => ours.measure(),
    ...(torch ? [() => torch.next()] : []),
  ]);
  torch?.end();
  ours.dispose();
  const of = (who: number, what: keyof Times): number => median(found[who]!.map((times) => times[what]));
  const held = peak();
  console.log(`  ${nodes} nodes, ${targets.length} edges both ways   [${ours.ways}]`);
  console.log(
    `  Basin    step ${of(0, 'step').toFixed(2)} s, epoch ${of(0, 'epoch').toFixed(2)} s, peak ${held.toFixed(0)} MiB`,
  );
  if (torch) {
    const last = found[1]!.at(-1) as TorchResult;
    console.log(
      `  PyTorch  step ${of(1, 'step').toFixed(2)} s, epoch ${of(1, 'epoch').toFixed(2)} s, peak ${last.peak.toFixed(0)} MiB   (${last.version}); ` +
        `ratio of the epochs ${(of(0, 'epoch') / of(1, 'epoch')).toFixed(2)}`,
    );
  }
  if (held <= limit) return;
  console.log(`  more than ${limit} MiB`);
  process.exitCode = 1;
}

const backend = await loadBackend();
console.log(`${backend.label}, ${await deviceName(backend.device)}; median of ${turns} turns`);
const folder = mkdtempSync(join(tmpdir(), 'basin-bench-gnn-'));
try {
  await accounted(backend, 'graph benchmark', () => run(backend, folder));
} finally {
  rmSync(folder, { recursive: true });
}
