/** Optimizers on doubles make the steps of torch.optim (PyTorch 2.15, float64). */
import { expect, test } from 'vitest';
import { DoubleOptimizer } from '../../../src-main/compute/training/double-optimizer.ts';
import { adamDefaults } from '../../../src-main/compute/training/optimizer.ts';
import type { OptimizerSettings } from '../../../src-main/compute/training/optimizer.ts';

const start = [0.5, -1.25, 2];
const gradients = [
  [0.1, -0.2, 3],
  [-0.4, 0, 1.5],
  [1e-3, 0.7, -2],
];
const common = { lr: 0.01, weightDecay: 0.1 };

test.each<[string, OptimizerSettings, number[]]>([
  [
    'AdamW',
    { name: 'adamw', ...common, ...adamDefaults },
    [0.498420393853418, -1.2343010452420724, 1.97179979466876],
  ],
  [
    'Adam, with L2 and settings of its own',
    { name: 'adam', ...common, betas: [0.8, 0.99], eps: 1e-6 },
    [0.497224682739988, -1.2341451284604599, 1.9779290336043118],
  ],
  [
    'SGD with momentum and L2',
    { name: 'sgd', ...common, momentum: 0.9 },
    [0.5020771985, -1.24458109675, 1.899118568],
  ],
  ['SGD', { name: 'sgd', ...common, momentum: 0 }, [0.5014894985, -1.2512577467500001, 1.9690809679999999]],
])('%s', (_, settings, expected) => {
  const values = Float64Array.from(start);
  const optimizer = new DoubleOptimizer(settings, 3);
  gradients.forEach((gradient, k) => {
    optimizer.step(values, Float64Array.from(gradient), settings.lr, k + 1);
  });
  values.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-14));
});

test('what has no gradient only decays, with AdamW', () => {
  const settings: OptimizerSettings = { name: 'adamw', ...common, ...adamDefaults };
  const [some, all] = [Int32Array.of(1), undefined].map((places) => {
    const values = Float64Array.from(start);
    new DoubleOptimizer(settings, 3, places).step(values, Float64Array.from(gradients[0]!), 0.01, 1);
    return Array.from(values);
  });
  expect(some).toEqual([0.5 * 0.999, all![1], 2 * 0.999]);
});
