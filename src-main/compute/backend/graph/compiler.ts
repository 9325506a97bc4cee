/** What turns tfjs computations into compiled ones. */
import type { ComputationBody } from '../computation.ts';
import type { Program } from './program.ts';
import type { EncodeOptions } from './saved-model.ts';
import type { TraceSettings } from './trace.ts';

export type CompileMode = EncodeOptions['mode'];

export interface Compiler {
  /** Why this way does not work here; undefined if it does. Found once, by compiling something small. */
  shortfall(mode: CompileMode): string | undefined;
  /**
   * Records `body` and loads it into a session; one that computes the same and is not in use any more is taken over. With
   * `xla` the first call compiles: a second or two.
   * @param key says all that `body` depends on: of equal keys and settings, nothing is recorded again
   * @throws Error naming what cannot be part of a graph
   */
  compile(settings: TraceSettings & EncodeOptions, body: ComputationBody, key?: string): Program;
}
