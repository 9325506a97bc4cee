/** The published settings of residual networks, as their authors' files and logs have them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { numParameters } from '../../../src-main/compute/models/index.ts';
import { resolveOptimizer } from '../../../src-main/compute/training/optimizer.ts';
import { resolveSchedule } from '../../../src-shared/config/schedule.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { resolveData, resolveTrainable } from '../../../src-shared/config.ts';
import { fixturePath } from '../../support/fixtures.ts';

const published = [
  ['resnet_symmetry0', 'standard', 0],
  ['resnet_symmetry1_kappa0', 'w-asymmetric', 0],
  ['resnet_symmetry1_kappa2', 'w-asymmetric', 2],
  ['resnet_symmetry3_kappa0', 'syre', 0],
  ['resnet_symmetry3_kappa2', 'syre', 2],
] as const;

/** Fixed entries of every channel, and how many entries it has. */
const fixedEntries: Record<string, [fixed: number, fanIn: number]> = {
  conv1: [12, 27],
  'layer1.0.conv1': [108, 1152],
  'layer2.0.conv1': [162, 1152],
  'layer2.0.conv2': [162, 2304],
  'layer2.0.shortcut.0': [18, 128],
  'layer3.0.conv1': [216, 2304],
  'layer3.2.conv2': [216, 4608],
  'layer3.0.shortcut.0': [24, 256],
  linear: [24, 512],
};

describe.each(published)('%s', (name, family, sigmaF) => {
  const config = loadTrainingConfig(`${name}_noInterpolation`);
  const spec = resolveTrainable(config);
  if (spec.architecture !== 'resnet') throw new Error(`${name} is no residual network`);

  it('is a ResNet20 of eight times the channels, of its family', () => {
    expect(spec).toMatchObject({ family, depth: 20, width: 8, norm: 'group' });
    expect([...new Set(spec.layers.map((layer) => layer.sigmaF))]).toEqual([sigmaF]);
    expect(numParameters(spec)).toEqual({
      total: 17_289_866,
      free: family === 'w-asymmetric' ? 17_289_866 - 1_014_000 : 17_289_866,
    });
    if (family !== 'w-asymmetric') return;
    for (const [module, [fixed, fanIn]] of Object.entries(fixedEntries)) {
      const { numFixed, shape } = spec.layers.find((layer) => layer.module === module)!;
      expect([numFixed, shape.slice(1).reduce((a, b) => a * b, 1)], module).toEqual([fixed, fanIn]);
    }
  });

  it('is trained as published: 16 networks, 100 epochs of CIFAR-10, a rate that rises a hundredfold', () => {
    expect([config.num_models, config.training?.num_epochs, config.training?.save_every]).toEqual([
      16, 100, 1,
    ]);
    const data = resolveData(config);
    expect(data).toMatchObject({ name: 'cifar10', batchSize: 128, valFraction: 0.1 });
    expect(config.dataset?.augmentation).toEqual({ flip: true, pad: 4, evaluation: 'none' });
    const { lr, ...optimizer } = resolveOptimizer(config);
    expect([lr, optimizer]).toEqual([1e-4, expect.objectContaining({ name: 'adamw', weightDecay: 0.01 })]);
    const schedule = resolveSchedule(config, lr);
    expect(schedule(0)).toBe(1e-4);
    expect(schedule(99)).toBeCloseTo(1e-4 * 1.259 ** 20, 12);
  });
});

it.each(['dataset=cifar10', 'scheduler=resnet', 'model.w=1'])(
  'published sections are taken: %s',
  (override) => {
    expect(() => loadTrainingConfig('resnet_symmetry0', [override])).not.toThrow();
  },
);

it('a published config.yaml is taken as it is, with settings of its data loader', () => {
  const file = fixturePath('resnets/resnet_sym1_kappa2/config.yaml');
  const folder = mkdtempSync(join(tmpdir(), 'basin-config-'));
  try {
    const own = join(folder, 'config.yaml');
    const text = readFileSync(file, 'utf8').replace('enable_ffcv: false', 'enable_ffcv: true');
    expect(text).toContain('enable_ffcv: true');
    writeFileSync(own, text);
    const config = loadTrainingConfig(own);
    expect(resolveSchedule(config, 1e-3)(5)).toBeCloseTo(1e-3 * 1.259 ** 5, 12);
    expect(resolveTrainable(config).architecture).toBe('resnet');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
