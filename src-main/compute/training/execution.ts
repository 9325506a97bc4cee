/** Whether a training step is compiled, by a rule over the config alone: the bits of both ways differ. */
import type { TrainingExecution } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Backend } from '../backend/index.ts';
import { compiledWay, withoutCompiler } from '../networks/execution.ts';
import { hasConvolutions } from '../networks/parameters.ts';

/** Compiling takes a second or two: about as long as this many eager steps of a small network. */
const fewestSteps = 200;

/** Multiply-adds of one call: some 20 ms on two cores, so that progress and cancel live. */
const workPerCall = 6e8;
const mostStepsPerCall = 32;

export interface Workload {
  models: number;
  batchSize: number;
  totalSteps: number;
}

export function executionOf(backend: Backend, network: Network, work: Workload): TrainingExecution {
  const eager = (reason: string): TrainingExecution => ({ way: 'eager', reason, steps_per_call: 1 });
  if (!backend.native) return eager(`the ${backend.name} back end does not support compiled execution`);
  const way = compiledWay(network);
  // A plain graph is there at once, and its steps are long.
  if (way === 'xla' && work.totalSteps < fewestSteps)
    return eager(`${work.totalSteps} steps; compiling pays off from ${fewestSteps}`);
  const shortfall = backend.native.compiler.shortfall(way);
  if (shortfall !== undefined) return eager(withoutCompiler(backend, shortfall));
  if (way === 'graph') return { way, steps_per_call: 1 };
  // Forward, and twice as much backward.
  const perStep = 3 * multiplyAdds(network) * work.batchSize * work.models;
  const steps = Math.floor(workPerCall / perStep);
  return { way, steps_per_call: Math.min(Math.max(steps, 1), mostStepsPerCall) };
}

/** Of one example in one model without convolutions: entries of weights that are read as matrices. */
export function multiplyAdds(network: Network): number {
  return network.nodes.reduce((sum, { parameters }) => {
    const matrices = Object.values(parameters).filter(({ shape }) => shape.length === 2);
    return sum + matrices.reduce((own, { shape }) => own + shape[0]! * shape[1]!, 0);
  }, 0);
}

/** tfjs's WebAssembly cannot differentiate by the filter of a convolution. */
export function refuseUntrainable(
  { name, reason, fix }: Backend,
  network: Network,
  what: 'trained' | 'differentiated' = 'trained',
): void {
  if (name !== 'wasm' || !hasConvolutions(network)) return;
  throw new UserError(
    `networks with convolutions cannot be ${what} on the back end wasm${reason === undefined ? '' : `, which is in use because ${reason}`}.`,
    {
      hint: `Use native TensorFlow${fix === undefined ? '' : `: ${fix}`}, or, much slower, BASIN_BACKEND=cpu.`,
    },
  );
}
