/** Sums, products of matrices and attention: from PyTorch's names to calls. */
import type { CallNamed, CallSettings, ValueKind } from '../../../src-shared/networks/operations/torch.ts';
import { sameSize, shapeText } from '../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import type { Value } from './builder.ts';
import type { ExportedCall, Handler, Handlers } from './call.ts';
import { broadcast, castTo, expandTo } from './elementwise.ts';
import { added } from './norms.ts';
import { permuted, reshaped } from './shapes.ts';

type Reduction = CallNamed<'reduce'>['name'];

const number = (call: ExportedCall, value: Value, name: 'mul' | 'div' | 'add', by: number): Value =>
  call.builder.entries({ call: 'binary', name, kind: 'float', right: by }, [value], value.sizes, 'float');

const self = (call: ExportedCall): Value => (call.has('self') ? call.value('self') : call.value('input'));

export function reduced(
  call: ExportedCall,
  value: Value,
  name: Reduction,
  axes: readonly number[],
  keep: boolean,
): Value {
  for (const axis of axes) call.fixed(value, axis, name);
  const sizes = value.sizes.flatMap((size, axis): Size[] =>
    axes.includes(axis) ? (keep ? [1] : []) : [size],
  );
  const kind: ValueKind =
    name === 'any' || name === 'all'
      ? 'bool'
      : value.kind === 'bool'
        ? 'int'
        : name === 'mean'
          ? 'float'
          : value.kind;
  // Over all pixels of an image, as it stands.
  if (
    axes.toSorted((a, b) => a - b).join() === '2,3' &&
    value.sizes.length === 4 &&
    value.plain === undefined
  ) {
    const places: Value = { sizes: [], kind: value.kind, plain: value.last };
    const settings: CallSettings = { call: 'reduce', name, axes: [1, 2], keep };
    if (!keep) return call.builder.plain(settings, [places], sizes, kind);
    return call.builder.image(settings, [value], sizes, kind);
  }
  return call.builder.plain({ call: 'reduce', name, axes: [...axes], keep }, [value], sizes, kind);
}

/** Along the axes asked for; without any, or an empty list, along all. */
export function reductionAxes(call: ExportedCall, value: Value): number[] {
  const all = [...value.sizes.keys()];
  if (!call.has('dim')) return all;
  const axes = value.sizes.length === 0 ? [] : call.axes('dim', value.sizes.length);
  return axes.length === 0 ? all : [...new Set(axes)];
}

const along =
  (name: Reduction): Handler =>
  (call) => {
    const asked = call.elements('dtype');
    const given = self(call);
    const value = asked === undefined ? given : castTo(call, given, asked);
    const own = name === 'mean' ? call.needFloat(value) : value;
    return reduced(call, own, name, reductionAxes(call, own), call.bool('keepdim', false));
  };

/** Largest or smallest entries; where they stand is not computed. */
const extreme =
  (name: 'max' | 'min'): Handler =>
  (call) => {
    const value = self(call);
    if (call.overload === 'other') return call.fail('use torch.maximum or torch.minimum');
    if (!call.has('dim')) return reduced(call, value, name, [...value.sizes.keys()], false);
    return [reduced(call, value, name, reductionAxes(call, value), call.bool('keepdim', false)), undefined];
  };

function variance(call: ExportedCall): Value {
  const value = call.needFloat(self(call));
  const axes = reductionAxes(call, value);
  const count = axes.reduce((all, axis) => all * call.fixed(value, axis, 'the variance'), 1);
  const correction = call.has('correction') ? call.number('correction') : call.bool('unbiased', true) ? 1 : 0;
  if (count <= correction)
    return call.fail(`a variance of ${count} numbers with correction ${correction} is not defined`);
  const mean = reduced(call, value, 'mean', axes, true);
  const centred = added(call, 'sub', value, mean);
  const squared = call.builder.entries({ call: 'unary', name: 'square' }, [centred], centred.sizes, 'float');
  const biased = reduced(call, squared, 'mean', axes, call.bool('keepdim', false));
  return correction === 0 ? biased : number(call, biased, 'mul', count / (count - correction));
}

const root = (call: ExportedCall, value: Value): Value =>
  call.builder.entries({ call: 'unary', name: 'sqrt' }, [value], value.sizes, 'float');

const vectorNorm: Handler = (call) => {
  const value = call.needFloat(self(call));
  const name = call.has('ord') ? 'ord' : 'p';
  const [order, keep] = [call.number(name, 2), call.bool('keepdim', false)];
  const of = (unary: 'abs' | 'square'): Value =>
    call.builder.entries({ call: 'unary', name: unary }, [value], value.sizes, 'float');
  if (order === 2) return root(call, reduced(call, of('square'), 'sum', reductionAxes(call, value), keep));
  if (order === 1) return reduced(call, of('abs'), 'sum', reductionAxes(call, value), keep);
  if (order === Infinity) return reduced(call, of('abs'), 'max', reductionAxes(call, value), keep);
  return call.fail(`the norm of order ${order} is not supported; 1, 2 and infinity are`);
};

const softmax =
  (log: boolean): Handler =>
  (call) => {
    const value = call.needFloat(self(call));
    if (value.sizes.length === 0) return call.fail('a value with axes was expected');
    const axis = call.axis('dim', value.sizes.length);
    call.fixed(value, axis, 'the softmax');
    return call.builder.plain({ call: 'softmax', axis, log }, [value], value.sizes, 'float');
  };

/** Products of matrices as torch.matmul makes them: axes in front fit each other, vectors are rows or columns. */
export function matrixProduct(call: ExportedCall, a: Value, b: Value): Value {
  if (a.kind !== 'float' || b.kind !== 'float') return call.fail('products of float values are supported');
  if (a.sizes.length === 0 || b.sizes.length === 0) return call.fail('values with axes were expected');
  if (a.sizes.length === 1) {
    const product = matrixProduct(call, reshaped(call, a, [1, ...a.sizes]), b);
    const { sizes } = product;
    return reshaped(call, product, b.sizes.length === 1 ? [] : [...sizes.slice(0, -2), sizes.at(-1)!]);
  }
  if (b.sizes.length === 1) {
    const product = matrixProduct(call, a, reshaped(call, b, [...b.sizes, 1]));
    return reshaped(call, product, product.sizes.slice(0, -1));
  }
  const [rows, inner] = a.sizes.slice(-2) as [Size, Size];
  const [same, columns] = b.sizes.slice(-2) as [Size, Size];
  if (!sameSize(inner, same))
    return call.fail(`${shapeText(a.sizes)} and ${shapeText(b.sizes)} cannot be multiplied`);
  const front = broadcast(call, [a.sizes.slice(0, -2), b.sizes.slice(0, -2)]);
  const left = expandTo(call, a, [...front, rows, inner]);
  const right = b.sizes.length === 2 ? b : expandTo(call, b, [...front, same, columns]);
  return call.builder.plain({ call: 'matmul' }, [left, right], [...front, rows, columns], 'float');
}

const plus = (call: ExportedCall, value: Value, bias: Value | undefined): Value =>
  bias ? added(call, 'add', value, bias) : value;

/** x W^T + b */
const linear: Handler = (call) => {
  const weight = call.value('weight');
  const turned = weight.sizes.length === 2 ? permuted(call, weight, [1, 0]) : weight;
  return plus(call, matrixProduct(call, call.value('input'), turned), call.optional('bias'));
};

/** beta * self + alpha * a b */
const sumAndProduct =
  (a: string, b: string): Handler =>
  (call) => {
    const [alpha, beta] = [call.number('alpha', 1), call.number('beta', 1)];
    const product = matrixProduct(call, call.value(a), call.value(b));
    const scaled = alpha === 1 ? product : number(call, product, 'mul', alpha);
    if (beta === 0) return scaled;
    const own = call.value('self');
    return plus(call, scaled, beta === 1 ? own : number(call, own, 'mul', beta));
  };

const product: Handler = (call) =>
  matrixProduct(call, call.value('self'), call.value(call.has('mat2') ? 'mat2' : 'other'));

/** Scaled dot product attention over the last two axes; those in front are examples and heads. */
const attention: Handler = (call) => {
  const query = call.value('query');
  const rank = query.sizes.length;
  if (rank < 3) return call.fail('values with at least three axes were expected');
  const width = call.fixed(query, rank - 1, 'attention');
  const scale = call.number('scale', 1 / Math.sqrt(width));
  const repeat = call.bool('enable_gqa', false);
  const [key, value] = ['key', 'value'].map((name) => {
    const own = call.value(name);
    return repeat ? repeatedHeads(call, own, query) : own;
  }) as [Value, Value];
  const front = broadcast(
    call,
    [query, key, value].map(({ sizes }) => sizes.slice(0, -2)),
  );
  const whole = (each: Value): Value => expandTo(call, each, [...front, ...each.sizes.slice(-2)]);
  const rows = query.sizes.at(-2)!;
  const columns = key.sizes.at(-2)!;
  if (![rows, columns].every((size) => typeof size === 'number'))
    return call.fail('it goes along the examples, which then see each other');
  if (!sameSize(query.sizes.at(-1)!, key.sizes.at(-1)!) || !sameSize(columns, value.sizes.at(-2)!))
    return call.fail(
      `query ${shapeText(query.sizes)}, key ${shapeText(key.sizes)} and value ${shapeText(value.sizes)} do not fit`,
    );
  const mask = call.optional('attn_mask');
  const causal = call.bool('is_causal', false);
  if (mask && causal) return call.fail('a mask and is_causal together are not supported');
  const shares = { scale, causal, mask: mask ? (mask.kind === 'bool' ? 'bool' : 'float') : 'none' } as const;
  const sizes = [...front, rows, value.sizes.at(-1)!];
  const shapedMask = mask ? [expandTo(call, mask, [...front, rows, columns])] : [];
  if (call.number('dropout_p', 0) !== 0) return call.fail(droppedShares, droppedHint);
  return call.builder.plain(
    { call: 'attention', ...shares },
    [whole(query), whole(key), whole(value), ...shapedMask],
    sizes,
    'float',
  );
};

const droppedShares = 'dropout on attention (dropout_p) is not supported';
const droppedHint =
  'Export the network in evaluation mode: model.eval() before torch.export.export. Other dropout is applied while Basin trains all the same.';

/** Heads of keys or values, each as often as queries share it. */
function repeatedHeads(call: ExportedCall, value: Value, query: Value): Value {
  const rank = value.sizes.length;
  const [own, asked] = [value, query].map((each) => call.fixed(each, rank - 3, 'attention')) as [
    number,
    number,
  ];
  if (own === asked) return value;
  if (asked % own !== 0) return call.fail(`${asked} heads cannot share ${own}`);
  const front = value.sizes.slice(0, rank - 3);
  const end = value.sizes.slice(-2);
  const apart = reshaped(call, value, [...front, own, 1, ...end]);
  return reshaped(call, expandTo(call, apart, [...front, own, asked / own, ...end]), [
    ...front,
    asked,
    ...end,
  ]);
}

/** Of two values, or one: each letter is an axis. */
const einsum: Handler = (call) => {
  const equation = call.text('equation').replaceAll(' ', '');
  const match = /^([a-zA-Z]+)(?:,([a-zA-Z]+))?->([a-zA-Z]*)$/.exec(equation);
  const values = call.values('tensors');
  const terms = match ? [match[1]!, ...(match[2] === undefined ? [] : [match[2]])] : [];
  if (!match || values.length !== terms.length || terms.some((term) => new Set(term).size !== term.length))
    return call.fail(
      `the equation "${equation}" is not supported; one or two values with a letter for each axis are`,
    );
  terms.forEach((term, i) => {
    if (term.length !== values[i]!.sizes.length)
      call.fail(`"${term}" does not name the axes of ${shapeText(values[i]!.sizes)}`);
  });
  return contracted(call, terms, values, match[3]!);
};

function contracted(
  call: ExportedCall,
  terms: readonly string[],
  values: readonly Value[],
  out: string,
): Value {
  // Letters that only one value has and the result has not are summed first.
  const [left, right] = terms.map((term, i) => {
    const others = (terms[1 - i] ?? '') + out;
    const idle = [...term].flatMap((letter, axis) => (others.includes(letter) ? [] : [axis]));
    const value = idle.length > 0 ? reduced(call, values[i]!, 'sum', idle, false) : values[i]!;
    return { term: [...term].filter((letter) => others.includes(letter)).join(''), value };
  }) as [{ term: string; value: Value }, { term: string; value: Value } | undefined];
  const arranged = ({ term, value }: { term: string; value: Value }, order: string): Value =>
    permuted(
      call,
      value,
      [...order].map((letter) => term.indexOf(letter)),
    );
  if (!right) return arranged(left, out);
  const lengths = new Map(
    [left, right].flatMap(({ term, value }) =>
      [...term].map((letter, i) => [letter, value.sizes[i]!] as const),
    ),
  );
  const pick = (test: (letter: string) => boolean): string => [...lengths.keys()].filter(test).join('');
  const [inLeft, inRight] = [left, right].map(
    ({ term }) =>
      (letter: string) =>
        term.includes(letter),
  ) as [(letter: string) => boolean, (letter: string) => boolean];
  const shared = pick((letter) => inLeft(letter) && inRight(letter) && out.includes(letter));
  const inner = pick((letter) => inLeft(letter) && inRight(letter) && !out.includes(letter));
  const [rows, columns] = [
    pick((letter) => inLeft(letter) && !inRight(letter)),
    pick((letter) => inRight(letter) && !inLeft(letter)),
  ];
  const sizes = (letters: string): Size[] => [...letters].map((letter) => lengths.get(letter)!);
  const merged = (value: Value, parts: readonly string[]): Value =>
    reshaped(call, value, [
      ...sizes(parts[0]!),
      ...parts.slice(1).map((part) => productOr(call, sizes(part))),
    ]);
  const a = merged(arranged(left, shared + rows + inner), [shared, rows, inner]);
  const b = merged(arranged(right, shared + inner + columns), [shared, inner, columns]);
  const whole = reshaped(call, matrixProduct(call, a, b), sizes(shared + rows + columns));
  return arranged({ term: shared + rows + columns, value: whole }, out);
}

const productOr = (call: ExportedCall, sizes: readonly Size[]): Size =>
  sizes.reduce<Size>((all, size) => {
    if (typeof all === 'number' && typeof size === 'number') return all * size;
    if (all === 1) return size;
    if (size === 1) return all;
    if (typeof all !== 'number' && typeof size === 'number')
      return { per: all.per * size, plus: all.plus * size };
    if (typeof all === 'number' && typeof size !== 'number')
      return { per: size.per * all, plus: size.plus * all };
    return call.fail('it would need the square of the size of the batch');
  }, 1);

export const reductions: Handlers = {
  ...{ mean: along('mean'), sum: along('sum'), amax: along('max'), amin: along('min'), prod: along('prod') },
  ...{ any: along('any'), all: along('all'), max: extreme('max'), min: extreme('min') },
  ...{ var: variance, std: (call) => root(call, variance(call)), linalg_vector_norm: vectorNorm },
  ...{
    softmax: softmax(false),
    _softmax: softmax(false),
    log_softmax: softmax(true),
    _log_softmax: softmax(true),
  },
  ...{ linear, matmul: product, mm: product, bmm: product, scaled_dot_product_attention: attention, einsum },
  addmm: sumAndProduct('mat1', 'mat2'),
  baddbmm: sumAndProduct('batch1', 'batch2'),
};
