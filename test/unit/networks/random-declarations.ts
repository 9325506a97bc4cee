/** Random declarations as somebody may write them: chains, residual blocks, branches, shared layers, names of all kinds. */
import fc from 'fast-check';
import { activationKinds } from '../../../src-shared/networks/operations/activation.ts';

export type Layer = Record<string, unknown>;

export interface RandomDeclaration {
  name?: string;
  layers: Layer[];
  ignore?: string[];
}

type Step =
  | { kind: 'linear'; width: number; bias: boolean; name: number; shared: boolean }
  | { kind: 'norm'; of: 'layer' | 'batch' | 'rms'; words: number; eps: number | undefined; name: number }
  | { kind: 'activation'; which: number; name: number }
  | { kind: 'residual'; bias: boolean; activation: boolean }
  | { kind: 'fork'; bias: boolean };

const name = fc.nat({ max: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('linear' as const),
    width: fc.integer({ min: 2, max: 5 }),
    bias: fc.boolean(),
    shared: fc.boolean(),
    name,
  }),
  fc.record({
    kind: fc.constant('norm' as const),
    of: fc.constantFrom('layer' as const, 'batch' as const, 'rms' as const),
    words: fc.nat({ max: 3 }),
    eps: fc.constantFrom(undefined, 0, 1e-3, 1e-7),
    name,
  }),
  fc.record({ kind: fc.constant('activation' as const), which: fc.nat(), name }),
  fc.record({ kind: fc.constant('residual' as const), bias: fc.boolean(), activation: fc.boolean() }),
  fc.record({ kind: fc.constant('fork' as const), bias: fc.boolean() }),
);

export const randomDeclarations: fc.Arbitrary<RandomDeclaration> = fc
  .record({
    steps: fc.array(step, { maxLength: 7 }),
    inputs: fc.integer({ min: 2, max: 4 }),
    name: fc.option(fc.constantFrom('digits', 'a net: "mine"'), { nil: undefined }),
    ignore: fc.option(fc.constant(['temperature', 'x.num_batches_tracked']), { nil: undefined }),
  })
  .map(({ steps, inputs, name, ignore }) => ({
    ...(name !== undefined && { name }),
    layers: new Writer(inputs).write(steps),
    ...(ignore && { ignore: [...ignore] }),
  }));

/** Names that could be taken for the ids of layers without one. */
const names = ['a', 'relu', 'relu#2', 'add', 'fc0', 'fc1', 'x.y', 'norm', 'fc0#2'];

class Writer {
  readonly #layers: Layer[] = [];
  readonly #linear: { weight: string; bias?: string; shape: number[] }[] = [];
  readonly #used = new Set<string>();
  #width: number;
  #count = 0;

  constructor(inputs: number) {
    this.#width = inputs;
  }

  write(steps: readonly Step[]): Layer[] {
    for (const each of steps) this.#step(each);
    this.#push(this.#newLinear(4, true));
    this.#push({ activation: 'gelu' });
    this.#push(this.#newLinear(3, false));
    return this.#layers;
  }

  #push(layer: Layer, wished = names.length): void {
    const own = names[wished];
    const free = own !== undefined && !this.#used.has(own);
    if (free) this.#used.add(own);
    this.#layers.push({ ...(free && { name: own }), ...layer });
  }

  #newLinear(outputs: number, bias: boolean): Layer {
    const own = `fc${this.#count++}`;
    const shape = [outputs, this.#width];
    const linear = { weight: `${own}.weight`, ...(bias && { bias: `${own}.bias` }), shape };
    this.#linear.push(linear);
    this.#width = outputs;
    return { linear };
  }

  /** The name of the value that stands last. */
  #lastName(): string {
    const last = this.#layers.at(-1);
    if (!last) return 'input';
    last['name'] ??= `value ${this.#layers.length}`;
    return last['name'] as string;
  }

  #step(each: Step): void {
    switch (each.kind) {
      case 'linear': {
        const known = each.shared ? this.#linear.find(({ shape }) => shape[1] === this.#width) : undefined;
        if (known) this.#width = known.shape[0]!;
        this.#push(
          known ? { linear: structuredClone(known) } : this.#newLinear(each.width, each.bias),
          each.name,
        );
        return;
      }
      case 'norm': {
        const own = `norm${this.#count++}`;
        const norm = {
          kind: each.of,
          ...(each.words & 1 && { weight: `${own}.weight` }),
          ...(each.words & 2 && { bias: `${own}.bias` }),
          ...(each.of === 'batch' && {
            running_mean: `${own}.running_mean`,
            running_var: `${own}.running_var`,
          }),
          shape: [this.#width],
          ...(each.eps !== undefined && { eps: each.eps }),
        };
        this.#push({ norm }, each.name);
        return;
      }
      case 'activation':
        this.#push({ activation: activationKinds[each.which % activationKinds.length] }, each.name);
        return;
      case 'residual': {
        const before = this.#lastName();
        this.#push(this.#newLinear(this.#width, each.bias));
        if (each.activation) this.#push({ activation: 'relu' });
        this.#push({ add: before });
        return;
      }
      case 'fork': {
        const before = this.#lastName();
        this.#push(this.#newLinear(this.#width, each.bias));
        const first = this.#lastName();
        this.#push({ from: before, ...this.#newLinear(this.#width, each.bias) });
        this.#push({ add: [first, before] });
      }
    }
  }
}
