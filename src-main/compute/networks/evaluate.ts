/** Models of one network, each by itself, over a whole split. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Backend } from '../backend/index.ts';
import type { Examples } from '../data/index.ts';
import { Evaluation, rowsPerCall } from './evaluation.ts';
import { graphPlan } from './evaluation-plan.ts';
import type { EvaluationPlan } from './evaluation-plan.ts';
import type { Way } from './execution.ts';
import type { NamedArrays } from './permute.ts';
import { stackArrays } from './stack-arrays.ts';

/**
 * An evaluation of these models, ready to be run. The caller disposes of it.
 * @param examples those it is for; needed if they are the nodes of a graph
 */
export function evaluationOf(
  backend: Backend,
  network: Network,
  models: readonly NamedArrays<Float32Array>[],
  way: Way,
  examples?: Examples,
): Evaluation {
  const count = models.length;
  const rows = rowsPerCall(network, count, way);
  const plan = { network, count, rows, way, ...(examples && graphPlan(examples)) };
  return loadedEvaluation(backend, plan, models);
}

/** The evaluation of a plan with these models' parameters. The caller disposes of it. */
export function loadedEvaluation(
  backend: Backend,
  plan: EvaluationPlan,
  models: readonly NamedArrays<Float32Array>[],
): Evaluation {
  const evaluation = new Evaluation(backend, plan);
  const stacked = stackArrays(backend.tf, models);
  for (const name of evaluation.parameters) evaluation.setParameter(name, stacked.get(name)!);
  backend.tf.dispose([...stacked.values()]);
  return evaluation;
}

/** Logits of all examples, [M, size, classes] at a time, operation by operation. */
export async function eachLogits(
  evaluation: Evaluation,
  examples: Examples,
  visit: (logits: Float32Array, start: number, size: number) => Promise<void>,
): Promise<void> {
  const { rows } = evaluation.plan;
  for (let start = 0; start < examples.count; start += rows) {
    const size = Math.min(rows, examples.count - start);
    await visit(evaluation.logits(examples, start, size), start, size);
  }
}
