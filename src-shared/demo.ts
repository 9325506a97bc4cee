/** The families that the demo compares, and how large it is. */
import type { Family } from './domain.ts';

export const demoSizes = ['demo', 'stock', 'paper'] as const;
export type DemoSize = (typeof demoSizes)[number];

export interface DemoFamily {
  name: string;
  family: Family;
  /** Null for networks without fixed weights. */
  sigmaF: number | null;
  /** Preset of the demo's own size, and of the 512-unit networks. */
  presets: Record<'small' | 'full', string>;
}

export const demoFamilies: readonly DemoFamily[] = [
  {
    name: 'standard',
    family: 'standard',
    sigmaF: null,
    presets: { small: 'standard-small', full: 'mlp_symmetry0' },
  },
  {
    name: 'W-asymmetric σ_F=0',
    family: 'w-asymmetric',
    sigmaF: 0,
    presets: { small: 'w-asymmetric-zero-small', full: 'mlp_symmetry1_kappa0' },
  },
  {
    name: 'W-asymmetric σ_F=1',
    family: 'w-asymmetric',
    sigmaF: 1,
    presets: { small: 'w-asymmetric-small', full: 'mlp_symmetry1_kappa1' },
  },
  {
    name: 'SYRE σ_F=1',
    family: 'syre',
    sigmaF: 1,
    presets: { small: 'syre-small', full: 'mlp_symmetry3_kappa1' },
  },
];

export interface DemoSetting {
  epochs: number;
  models: number;
  /** What is said about it in the caption and at the start. */
  text: string;
  preset(family: DemoFamily): string;
  overrides: string[];
}

/** `epochs` and `models` stand in place of the size's own where they are given. */
export function demoSetting(
  size: DemoSize,
  given: { epochs?: number; models?: number; seed: number },
): DemoSetting {
  const epochs = given.epochs ?? (size === 'paper' ? 100 : 10);
  const models = given.models ?? 4;
  const data = size === 'paper' ? 'mnist' : 'mnist-10k';
  const widths = size === 'demo' ? '784-64-64-64-10' : '784-512-512-512-10';
  return {
    epochs,
    models,
    text: `MLP ${widths}, ${epochs} epochs on ${data}, AdamW 1e-3, batch 64, seed ${given.seed}`,
    preset: ({ presets }) => (size === 'demo' ? presets.small : presets.full),
    overrides: [
      `dataset=${data}`,
      'optimizer=adamw',
      `num_models=${models}`,
      `training.num_epochs=${epochs}`,
      `training.save_every=${epochs}`,
      `seed=${given.seed}`,
    ],
  };
}
