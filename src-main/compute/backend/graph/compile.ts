/** Compiled execution on the native back end: what works here, and programs made of plain tfjs computations. */
import { messageOf } from '../../../../src-shared/errors.ts';
import type { Tf } from '../types.ts';
import { types } from './graph.ts';
import { Program } from './program.ts';
import type { EncodeOptions } from './saved-model.ts';
import { trace } from './trace.ts';
import type { Body, NativeBackend, TraceSettings } from './trace.ts';

export type CompileMode = EncodeOptions['mode'];

export interface Compiler {
  /** Why this way does not work here; undefined if it does. Found by compiling x + 1 once. */
  shortfall(mode: CompileMode): string | undefined;
  /**
   * Records `body` and loads it into a session. With `xla` the first call compiles: a second or two.
   * @throws Error naming what cannot be part of a graph
   */
  compile(settings: TraceSettings & EncodeOptions, body: Body): Program;
}

export function compilerOf(tf: Tf): Compiler {
  const probed = new Map<CompileMode, string | undefined>();
  const compile: Compiler['compile'] = ({ mode, steps, ...settings }, body) => {
    const backend = tf.backend() as unknown as NativeBackend;
    return new Program(backend, trace(tf, settings, body), {
      mode,
      ...(steps !== undefined && { steps }),
    });
  };
  const shortfall = (mode: CompileMode): string | undefined => {
    if (!probed.has(mode)) probed.set(mode, probe(tf, compile, mode));
    return probed.get(mode);
  };
  return { shortfall, compile };
}

function probe(tf: Tf, compile: Compiler['compile'], mode: CompileMode): string | undefined {
  const one = { dtype: types.float32, shape: [2] };
  try {
    const program = compile({ mode, args: [one], state: [one] }, ([x], [total]) => {
      const next = tf.add(total!, x!);
      return { outputs: [tf.mul(next, 2)], state: [next] };
    });
    try {
      return wrongAnswer(tf, program);
    } finally {
      program.dispose();
    }
  } catch (error) {
    return messageOf(error);
  }
}

/** Two calls on state: 2 (10 + 1), then 2 (11 + 1). */
function wrongAnswer(tf: Tf, program: Program): string | undefined {
  return tf.tidy(() => {
    program.set(0, tf.tensor1d([10, 20]));
    const one = tf.ones([2]);
    const answers = [1, 2].flatMap(() => Array.from(program.run([one])[0]!.dataSync()));
    const expected = [22, 42, 24, 44];
    if (answers.join() === expected.join()) return undefined;
    return `a compiled sum gave ${answers.join(', ')} where ${expected.join(', ')} was expected`;
  });
}
