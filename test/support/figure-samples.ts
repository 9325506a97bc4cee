/** One recipe of every kind of figure, from invented but plausible numbers that are the same on every machine. */
import type { FigureData, FigureKindName } from '../../src-shared/figures/index.ts';

/** Multiplicative congruential generator: no library, the same sequence everywhere. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const random = generator(7);
const normal = (): number => Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const rounded = (v: number): number => Number(v.toPrecision(5));

const lambdas = range(25).map((i) => i / 24);
const families = [
  { label: 'standard', depth: 37, aligned: 1.2, top: 94.6 },
  { label: 'W-asymmetric, σ_F = 0', depth: 47, aligned: 1, top: 94.5 },
  { label: 'W-asymmetric, σ_F = 1', depth: 3, aligned: 2.8, top: 92.7 },
  { label: 'SYRE, σ_F = 1', depth: 0.8, aligned: 0.8, top: 87.4 },
];
const dips = (depth: number, top: number) =>
  range(6).map((p) => {
    const own = depth * (0.8 + 0.4 * random());
    return {
      pair: `pair ${p + 1}`,
      values: lambdas.map((l) => rounded(top - own * Math.exp(-((l - 0.5) ** 2) / 0.03))),
    };
  });

const costs = (n: number, scale: number, signed = false): number[][] =>
  range(n).map((i) =>
    range(n).map((j) =>
      i === j
        ? 0
        : rounded(scale * (5 + 6 * random() + (i % 7 === 3 ? 3 : 0)) * (signed && random() < 0.3 ? -1 : 1)),
    ),
  );

const epochs = range(11);
const learning = (end: number, drop: number, pace: number) =>
  range(4).map((m) => ({
    name: `model ${m + 1}`,
    values: epochs.map((e) => rounded(end + (drop / (1 + pace * e)) * (0.92 + 0.16 * random()))),
  }));

const repeat = (n: number, xs: readonly number[], f: (x: number) => number, noise: number): number[][] =>
  range(n).map(() => xs.map((x) => rounded(f(x) * (1 + noise * normal()))));

const betas = [0.003, 0.0055, 0.01, 0.018, 0.032, 0.057, 0.1];
const grid = range(24).map((i) => rounded(-1.2 + (2.4 * i) / 23));

const objective = (title: string, identityEnd: number) => ({
  title,
  x: epochs,
  optimal: repeat(3, epochs, (e) => 0.55 + 0.3 * (1 - Math.exp(-e / 3)), 0.02),
  identity: repeat(3, epochs, (e) => 0.05 + identityEnd * (1 - Math.exp(-e / 3)), 0.03),
  random: {
    mean: epochs.map(() => 0.01),
    low: epochs.map(() => rounded(-0.04 - 0.01 * random())),
    high: epochs.map(() => rounded(0.05 + 0.01 * random())),
  },
});

export const figureSamples: { [Kind in FigureKindName]: FigureData<Kind> } = {
  interpolation: {
    metric: 'accuracy',
    split: 'test',
    panels: [
      {
        title: 'Unaligned',
        series: families.map((f) => ({ label: f.label, lambdas, curves: dips(f.depth, f.top) })),
      },
      {
        title: 'Aligned by activations',
        series: families.map((f) => ({ label: f.label, lambdas, curves: dips(f.aligned, f.top) })),
      },
    ],
  },
  'training-curves': {
    panels: [
      {
        label: 'training loss (nats)',
        log: true,
        series: [
          { label: 'standard', epochs, models: learning(0.02, 2.2, 1.6) },
          { label: 'W-asymmetric, σ_F = 1', epochs, models: learning(0.06, 2.3, 0.9) },
        ],
      },
      {
        label: 'validation accuracy (%)',
        series: [
          { label: 'standard', epochs, models: learning(94.5, -84, 4) },
          { label: 'W-asymmetric, σ_F = 1', epochs, models: learning(93, -83, 2) },
        ],
      },
    ],
  },
  matrix: {
    rows: [
      [
        { title: 'lins.0', matrix: costs(24, 0.4) },
        { title: 'lins.1', matrix: costs(24, 1) },
        { title: 'lins.2', matrix: costs(24, 2), assignment: range(24).map((i) => (i * 5) % 24) },
      ],
    ],
    valueLabel: 'swap cost',
    scale: 'signed-sqrt',
  },
  'barrier-matrix': {
    panels: ['Unaligned', 'Aligned by activations'].map((title, k) => ({
      title,
      names: ['model 1', 'model 2', 'model 3', 'model 4'],
      values: range(4).map((i) =>
        range(4).map((j) => (i === j ? null : rounded((k === 0 ? -35 : -1.4) * (0.8 + 0.4 * random())))),
      ),
    })),
    valueLabel: 'test-accuracy barrier (%)',
  },
  'matching-objective': {
    axis: 'epoch',
    objectiveLabel: 'mean correlation of matched neurons',
    panels: [objective('layer 1', 0.1), objective('layer 2', 0.4), objective('layer 3', 0.72)],
  },
  histogram: {
    label: 'swap cost',
    series: [
      { label: 'W-asymmetric, σ_F = 0', values: range(400).map(() => rounded(0.4 * Math.abs(normal()))) },
      { label: 'W-asymmetric, σ_F = 1', values: range(400).map(() => rounded(2.4 + 0.7 * normal())) },
    ],
    bins: 32,
    lines: [{ value: 1, label: 'threshold 1' }],
  },
  scatter: {
    panels: ['mean swap cost', 'γ_out'].map((label) => ({
      x: { label, log: true },
      y: { label: 'test-accuracy barrier (%)' },
      series: families.map((f, k) => ({
        label: f.label,
        points: range(6).map(() => ({
          x: rounded(10 ** (k - 1.5 + 0.3 * normal())),
          y: rounded(-f.depth * (1 + 0.15 * normal())),
        })),
      })),
    })),
  },
  boxes: {
    label: 'distance of projected centers',
    log: true,
    panels: [
      {
        groups: families.map((f, k) => ({
          label: f.label,
          values: range(60).map(() => rounded(Math.exp(0.5 * normal() + k))),
        })),
      },
    ],
  },
  'gamma-out': {
    sigmaF: 1,
    points: [2, 4, 8, 16, 32].flatMap((k) =>
      [16, 64, 256].map((m) => ({
        k,
        m,
        measured: range(3).map(() => rounded(1.6 * Math.sqrt(k) * m ** (-2 / k) * (1 + 0.1 * normal()))),
      })),
    ),
  },
  'barrier-over-epochs': {
    metric: 'accuracy',
    split: 'test',
    panels: [
      { title: 'Unaligned', depth: 1 },
      { title: 'Aligned by activations', depth: 0.1 },
    ].map(({ title, depth }) => ({
      title,
      series: [
        { label: 'standard', top: 37 },
        { label: 'W-asymmetric, σ_F = 1', top: 4 },
      ].map(({ label, top }) => ({
        label,
        epochs: [0, 1, 2, 5, 10, 20],
        // The second pair has no barrier at epoch 5: a point of its curve is not finite.
        pairs: [1, 0.8, 1.2].map((own, p) => ({
          pair: `1–${p + 2}`,
          values: [0, 1, 2, 5, 10, 20].map((epoch) =>
            epoch === 5 && p === 1 ? null : rounded(top * depth * own * (1 - Math.exp(-epoch / 3))),
          ),
        })),
      })),
    })),
  },
  'fork-barrier': {
    epochs: [0, 1, 2, 4, 8],
    panels: [
      {
        label: 'test accuracy drop (points)',
        pairs: [
          [14.2, 6.1, 2.2, 0.8, 0.3],
          [11.9, 7.4, 3.1, 0.5, 0.4],
          [16, 4.9, 1.8, 0.9, 0.2],
        ],
      },
      {
        label: 'test loss barrier',
        pairs: [
          [0.61, 0.24, 0.09, 0.03, 0.01],
          [0.5, 0.31, 0.12, 0.02, 0.01],
          [0.7, 0.2, 0.08, 0.03, 0],
        ],
      },
    ],
  },
  'coherence-barrier': {
    series: ['exact copy', 'random frame'].map((label, s) => {
      const coherence = range(15).map((i) => rounded(1 / (i + 1)));
      return {
        label,
        coherence,
        seeds: repeat(5, coherence, (c) => (s === 0 ? 0.02 + 0.25 * c ** 1.5 : 0.02 + 0.25 * c), 0.12),
      };
    }),
  },
  'coherence-endpoints': {
    series: [
      { label: 'exact copy', nu: 1, h: 0.27 },
      { label: 'exact copy', nu: 0.067, h: 0.03 },
      { label: 'random frame', nu: 1, h: 0.25 },
      { label: 'random frame', nu: 0.11, h: 0.05 },
    ].map(({ label, nu, h }) => ({
      label,
      nu,
      lambdas,
      seeds: repeat(5, lambdas, (l) => 0.01 + 4 * h * l * (1 - l), 0.08),
    })),
  },
  'chord-deviation': {
    series: [
      { label: 'k = 4', x: betas, curves: repeat(4, betas, (b) => 0.9 * b ** 1.5, 0.08) },
      { label: 'k = 16', x: betas, curves: repeat(4, betas, (b) => 1.9 * b ** 1.48, 0.08) },
    ],
    theorySlope: 1.5,
  },
  'symmetry-curve': {
    panels: [
      {
        series: [
          {
            label: 'straight line',
            t: lambdas,
            curves: repeat(3, lambdas, (l) => 0.2 + 6 * l * (1 - l), 0.05),
          },
          { label: 'symmetry curve', t: lambdas, curves: [lambdas.map(() => 0.2)] },
        ],
      },
    ],
  },
  'rescaling-barrier': {
    series: [
      {
        label: 'mlp, hidden 64',
        x: [1, 2, 5, 10, 20, 50, 100],
        curves: repeat(3, [1, 2, 5, 10, 20, 50, 100], (x) => 0.05 * x ** 0.9, 0.1),
      },
    ],
  },
  'skip-plane': {
    xLabel: 'skip component α',
    yLabel: 'skip component β',
    series: [
      {
        label: 'with decay',
        joined: true,
        points: range(30).map((i) => [
          rounded(Math.cos(i / 6) * Math.exp(-i / 14)),
          rounded(Math.sin(i / 6) * Math.exp(-i / 14)),
        ]),
      },
      {
        label: 'without decay',
        joined: true,
        points: range(30).map((i) => [rounded(0.8 * Math.cos(i / 20)), rounded(-0.9 * Math.sin(i / 9))]),
      },
    ],
  },
  'plane-contour': {
    xLabel: 'first direction',
    yLabel: 'second direction',
    valueLabel: 'test loss (nats)',
    x: grid,
    y: grid,
    values: grid.map((y) => grid.map((x) => rounded(0.1 + 3 * ((x * x - 0.5) ** 2 + y * y + 0.3 * x * y)))),
    paths: [
      {
        label: 'straight line',
        points: [
          [-0.7, 0.05],
          [0.7, -0.05],
        ],
      },
    ],
  },
  'paired-boxes': {
    label: 'distance',
    log: true,
    panels: [
      {
        title: 'over width',
        xLabel: 'hidden units',
        categories: ['64', '128', '256'],
        series: ['another neuron’s function', 'own function'].map((label, s) => ({
          label,
          values: range(3).map((k) =>
            range(30).map(() => rounded(Math.exp(0.4 * normal() - 2 * s - 0.2 * k))),
          ),
        })),
        lines: [{ label: 'predicted rate', values: [1, 0.84, 0.71] }],
      },
      {
        title: 'over dimension',
        xLabel: 'dimension of the data',
        categories: ['2', '8'],
        series: ['another neuron’s function', 'own function'].map((label, s) => ({
          label,
          values: range(2).map((k) => range(30).map(() => rounded(Math.exp(0.4 * normal() - 2 * s + k)))),
        })),
      },
    ],
  },
  'bounded-curves': {
    panels: [
      {
        label: 'subspace coherence',
        boundLabel: 'minimum, k/d',
        series: ['lins.0', 'lins.1'].map((label, s) => ({
          label,
          epochs,
          curves: repeat(3, epochs, (e) => 0.5 - 0.1 * s + 0.02 * e, 0.03),
          bound: epochs.map((e) => rounded(0.1 + 0.05 * s + 0.005 * e)),
        })),
      },
      {
        label: 'anisotropy',
        boundLabel: 'bound, δ = 0.1',
        series: ['lins.0', 'lins.1'].map((label, s) => ({
          label,
          epochs,
          curves: repeat(3, epochs, (e) => 0.4 - 0.1 * s + 0.01 * e, 0.03),
          bound: epochs.map((e) => rounded(0.9 - 0.1 * s + 0.01 * e)),
        })),
      },
    ],
  },
  'measure-over-setting': {
    x: { label: 'σ_F' },
    panels: [
      { label: 'test accuracy (%)', level: 94, slope: -3 },
      { label: 'loss barrier', level: 1.2, slope: -1 },
    ].map(({ label, level, slope }) => ({
      label,
      series: ['learning rate = 1e-3', 'learning rate = 3e-3'].map((name, s) => ({
        label: name,
        points: [0, 0.5, 1, 2].map((x) => ({
          x,
          mean: rounded(level + slope * x * (1 - 0.3 * s) * 0.4),
          std: x === 2 ? null : rounded(0.1 + 0.1 * x),
          n: x === 2 ? 1 : 6,
        })),
      })),
    })),
  },
};
