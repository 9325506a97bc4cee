/** Python values that a file may hold and that are of no use here: they are read past, and only what they were is kept. */
export class Opaque {
  /** In a person's words, with an article: "a set", "a sparse tensor". */
  readonly what: string;
  /** Only tensors have it: what to do in Python so that Basin can read one. Such a value is refused if it is a weight. */
  readonly advice: string | undefined;

  constructor(what: string, advice?: string) {
    this.what = what;
    this.advice = advice;
  }

  /** Called for the opcode BUILD. False where Python's own restricted loader would refuse it. */
  build(_state: unknown): boolean {
    return false;
  }
}

/** An object whose attributes are set after it was made; they are dropped. */
export class OpaqueObject extends Opaque {
  override build(): boolean {
    return true;
  }
}

export function opaqueTensor(what: string, advice: string): Opaque {
  return new Opaque(what, advice);
}

/** A tensor of a kind that Basin does not read. */
export function isOpaqueTensor(value: unknown): value is Opaque {
  return value instanceof Opaque && value.advice !== undefined;
}
