/**
 * Writes a text of a small grammar as tokens: node scripts/grammar.mjs FILE.npy [sequences] [tokens each] [seed]
 *
 * Data to train small language models on (docs/pytorch.md): sentences one after the other, cut into sequences of one length.
 * Verbs agree with their subject in number, also across a relative clause. Prints the words of the vocabulary as JSON.
 */
import { writeFileSync } from 'node:fs';

const words = [
  ...['.', 'the', 'a', 'every', 'some', 'two', 'old', 'small', 'red', 'that', 'near'],
  ...['cat', 'dog', 'bird', 'child', 'cats', 'dogs', 'birds', 'children'],
  ...['sees', 'likes', 'follows', 'sleeps', 'see', 'like', 'follow', 'sleep'],
];
const [one, many] = [
  {
    determiners: ['the', 'a', 'every'],
    nouns: ['cat', 'dog', 'bird', 'child'],
    verbs: ['sees', 'likes', 'follows'],
    rests: ['sleeps'],
  },
  {
    determiners: ['the', 'some', 'two'],
    nouns: ['cats', 'dogs', 'birds', 'children'],
    verbs: ['see', 'like', 'follow'],
    rests: ['sleep'],
  },
];

/** mulberry32: the same seed, the same text. */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function textOf(random) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const phrase = (number, depth) => [
    pick(number.determiners),
    ...(random() < 0.3 ? [pick(['old', 'small', 'red'])] : []),
    pick(number.nouns),
    ...(random() < 0.2 / depth ? ['near', ...phrase(pick([one, many]), depth + 1)] : []),
    ...(random() < 0.3 / depth ? ['that', ...predicate(number, depth + 1)] : []),
  ];
  const predicate = (number, depth) =>
    random() < 0.3 ? [pick(number.rests)] : [pick(number.verbs), ...phrase(pick([one, many]), depth + 1)];
  return () => {
    const number = pick([one, many]);
    return [...phrase(number, 1), ...predicate(number, 1), '.'];
  };
}

/** Version 1.0 of NumPy's format, int32, C order. */
function npyOf(shape, values) {
  const about = `{'descr': '<i4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
  const header = `${about.padEnd(Math.ceil((about.length + 11) / 64) * 64 - 11)}\n`;
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8]);
  const data = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => data.writeInt32LE(value, 4 * i));
  return Buffer.concat([start, Buffer.from(header, 'latin1'), data]);
}

const [file, ...numbers] = process.argv.slice(2);
const [sequences = 2000, length = 33, seed = 1] = numbers.map(Number);
if (!file || ![sequences, length, seed].every((value) => Number.isInteger(value) && value > 0)) {
  console.error('node scripts/grammar.mjs FILE.npy [sequences] [tokens each] [seed]: whole numbers above 0');
  process.exit(2);
}
const sentence = textOf(randomOf(seed));
const tokens = [];
while (tokens.length < sequences * length) tokens.push(...sentence().map((word) => words.indexOf(word)));
writeFileSync(file, npyOf([sequences, length], tokens.slice(0, sequences * length)));
console.log(JSON.stringify({ file, sequences, length, seed, words }));
