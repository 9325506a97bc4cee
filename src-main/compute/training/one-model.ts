/**
 * A step of one of several stacked models. The values of a whole graph are large, and are kept until the gradient has been
 * found: those of all models at once would take as many times the memory, and be no faster.
 */
import type { ComputationBody, Tensor } from '../backend/index.ts';
import type { Maths } from '../networks/maths.ts';
import type { StatePlace } from './step.ts';

const perModel: readonly StatePlace['kind'][] = ['trained', 'slot', 'statistics', 'fixed'];

/**
 * `body` for the model whose number, an int32 scalar, is the argument before its own; the others stay as they are.
 * @param places what the state holds @param models as many as are stacked, more than one
 */
export function ofOneModel(
  { tf, gather }: Maths,
  { places, models }: { places: readonly StatePlace[]; models: number },
  body: ComputationBody,
): ComputationBody {
  return ([model, ...args], state) => {
    const which = tf.reshape(model!, [1]);
    const isStacked = (i: number): boolean => perModel.includes(places[i]!.kind);
    const own = state.map((value, i) => (isStacked(i) ? gather(value, which) : value));
    const { outputs, state: after } = body(args, own);
    const isThis = tf.equal(tf.range(0, models, 1, 'int32'), which);
    const put = (value: Tensor, into: Tensor): Tensor =>
      tf.where(tf.reshape(isThis, [models, ...into.shape.slice(1).map(() => 1)]), value, into);
    return {
      outputs,
      state: after.map((value, i) => (isStacked(i) && value !== own[i] ? put(value, state[i]!) : state[i]!)),
    };
  };
}
