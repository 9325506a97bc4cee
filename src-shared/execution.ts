/** How a computation ran, in words. */
import type { Execution, TrainingExecution } from './domain.ts';

/** "compiled by TensorFlow's XLA", "operation by operation (1 step; compiling pays from 200)". */
export function executionText({ way, reason }: Execution): string {
  if (way === 'eager') return `operation by operation${reason === undefined ? '' : ` (${reason})`}`;
  return way === 'xla' ? "compiled by TensorFlow's XLA" : "as a graph of TensorFlow's kernels";
}

export function trainingExecutionText(execution: TrainingExecution): string {
  const { way, steps_per_call: steps } = execution;
  const calls = way === 'eager' ? '' : `, ${steps} ${steps === 1 ? 'step' : 'steps'} per call`;
  return executionText(execution) + calls;
}
