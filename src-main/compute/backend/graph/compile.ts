/** Compiled execution on the native back end: what works here, and programs made of plain tfjs computations. */
import { createHash } from 'node:crypto';
import type { Tf } from '../tensors.ts';
import type { CompileMode, Compiler } from './compiler.ts';
import type { Placement } from './placement.ts';
import { probe } from './probe.ts';
import { Program } from './program.ts';
import { encodeSavedModel } from './saved-model.ts';
import { trace } from './trace.ts';
import type { NativeBackend } from './trace.ts';

/** Programs kept for another use, and bytes of state that they may hold. */
const mostIdle = 6;
const mostIdleBytes = 192 * 2 ** 20;

/** @param placement where programs run; absent: on the CPU */
export function compilerOf(tf: Tf, placement?: Placement): Compiler {
  const probed = new Map<CompileMode, string | undefined>();
  const idle = new IdlePrograms();
  const compile: Compiler['compile'] = ({ mode, steps, ...settings }, body, key) => {
    const whole = key === undefined ? undefined : JSON.stringify([key, mode, steps, settings]);
    const same = whole === undefined ? undefined : idle.takeNamed(whole);
    if (same) return same;
    const backend = tf.backend() as unknown as NativeBackend;
    const graph = trace(tf, settings, body);
    if (graph.outputs.length === 0) throw new Error('a compiled computation needs an output');
    const encoded = encodeSavedModel(graph, {
      mode,
      ...(steps !== undefined && { steps }),
      ...(placement && { placement }),
    });
    const digest = createHash('sha256').update(encoded).digest('hex');
    if (whole !== undefined) idle.name(whole, digest);
    const known = idle.take(digest);
    return known ?? new Program(backend, graph, encoded, steps, (program) => idle.put(digest, program));
  };
  const shortfall = (mode: CompileMode): string | undefined => {
    if (!probed.has(mode)) probed.set(mode, probe(tf, compile, mode));
    return probed.get(mode);
  };
  return { shortfall, compile };
}

/** Programs that nobody uses now, by what they compute: compiling again takes a second or two. */
class IdlePrograms {
  /** The one that was used last stands last. */
  readonly #programs = new Map<string, Program>();
  /** What a user calls a program -> what it computes. */
  readonly #names = new Map<string, string>();

  name(name: string, key: string): void {
    this.#names.set(name, key);
  }

  takeNamed(name: string): Program | undefined {
    const key = this.#names.get(name);
    return key === undefined ? undefined : this.take(key);
  }

  take(key: string): Program | undefined {
    const program = this.#programs.get(key);
    this.#programs.delete(key);
    program?.reopen();
    return program;
  }

  put(key: string, program: Program): void {
    this.#programs.get(key)?.unload();
    this.#programs.delete(key);
    this.#programs.set(key, program);
    let bytes = [...this.#programs.values()].reduce((sum, each) => sum + each.stateBytes, 0);
    for (const [oldest, each] of this.#programs) {
      if (this.#programs.size <= mostIdle && bytes <= mostIdleBytes) break;
      this.#programs.delete(oldest);
      for (const [name, of] of this.#names) if (of === oldest) this.#names.delete(name);
      bytes -= each.stateBytes;
      each.unload();
    }
  }
}
