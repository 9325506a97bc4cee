/**
 * `npm run bench [-- NAME ... [OPTIONS]]`: the benchmarks of this folder one after the other, each in a process of its own
 * so that none inherits another's memory or threads. A new benchmark is a file that prints its table when run, and a line
 * here. Options go to the one benchmark that is named; what is not its output goes to stderr.
 * BASIN_TORCH_PYTHON names a Python with torch; then PyTorch doing the same work stands beside.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { gpuName } from '../../src-main/compute/backend/device-name.ts';

const benches = {
  training: 'milliseconds per model and step',
  resnet: 'milliseconds per training step of a ResNet20',
  exported: 'milliseconds per image of evaluating torchvision’s resnet18, exported by PyTorch',
  'wide-resnet': 'two ResNet20 of eight times the channels: time and memory of the line between them',
  interpolation: 'interpolation points per second',
  catalog: '10,000 checkpoints over 1,000 runs: import, listing, size of the catalog',
  'realization-cost': 'seconds for all layers of the stock MLP, 512 wide',
  linalg: 'linear algebra in float64: our own routines, TensorFlow and ml-matrix',
  sweep: 'a sweep of 1,600 runs compared with one of 16: first rows, longest frames, its plot',
  renderer: 'the window in Chromium: first rows, longest frames, large matrices, many curves',
  'fuzz-formats': '10,000 damaged files of every format: time, memory, and whether refusals say where',
  published: 'whole jobs, compared with PyTorch doing them the published way',
  scaling: 'models, width, pairs and points, next to the peak of the machine',
  memory: 'peak of a stock training job; what 200 small trainings in one process leave behind',
  gnn: 'one epoch of a graph network on a graph of the size of ogbn-arxiv: time and memory',
  slurm: 'what a task on a cluster costs besides its work, next to a loop of srun',
  symmetry: 'components of linear networks found by joining; the assignment solver',
} as const;

const words = process.argv.slice(2);
const firstOption = words.findIndex((word) => word.startsWith('-'));
const asked = firstOption < 0 ? words : words.slice(0, firstOption);
const options = firstOption < 0 ? [] : words.slice(firstOption);
if (options.length > 0 && asked.length !== 1) {
  console.error(
    `${options.join(' ')}: options need the name of one benchmark before them, e.g. published ${options[0]}`,
  );
  process.exit(2);
}
const unknown = asked.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) {
  console.error(`there is no benchmark "${unknown}"; there are ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}

// Each benchmark's own first line says whether it computes on the GPU.
const gpu = await gpuName();
console.error(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} threads${gpu ? `; GPU: ${gpu}` : ''}`,
);
if (loadavg()[0]! > 0.5)
  console.error(`The machine is busy (load ${loadavg()[0]!.toFixed(1)}): these times are too long.`);
let failed = 0;
for (const [name, what] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.error(`\n${name}: ${what}`);
  const file = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  const { status } = spawnSync(process.execPath, [file, ...options], { stdio: 'inherit' });
  if (status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
