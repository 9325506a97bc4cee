/** Things that are dear to make and likely to be asked for again: the last few are kept. */
export class Recent<T> {
  readonly #most: number;
  readonly #held = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  async get(key: string, make: () => Promise<T>): Promise<T> {
    const value = this.#held.get(key) ?? (await make());
    // The one used last goes last.
    this.#held.delete(key);
    this.#held.set(key, value);
    const oldest = this.#held.keys().next();
    if (this.#held.size > this.#most && !oldest.done) this.#held.delete(oldest.value);
    return value;
  }
}
