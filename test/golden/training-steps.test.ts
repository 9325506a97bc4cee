/** Fifty steps of every optimizer and schedule as PyTorch makes them, in float64 (test/fixtures/training/make_steps.py). */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src-shared/config.ts';
import { accounted } from '../../src-main/compute/accounted.ts';
import { loadBackend, types } from '../../src-main/compute/backend/index.ts';
import type { Backend, Tensor } from '../../src-main/compute/backend/index.ts';
import { mathsOf } from '../../src-main/compute/networks/maths.ts';
import { clipped } from '../../src-main/compute/training/clip.ts';
import { DoubleOptimizer } from '../../src-main/compute/training/double-optimizer.ts';
import {
  resolveOptimizer,
  slotNames,
  stepScalars,
  update,
} from '../../src-main/compute/training/optimizer.ts';
import { resolveSchedule } from '../../src-shared/config/schedule.ts';
import { DoubleSteps } from '../support/double-steps.ts';

interface VectorCase {
  optimizer: string;
  scheduler: string;
  clip: number | null;
  after: number[];
}
interface NetworkCase {
  norm: string;
  activation: string;
  label_smoothing: number;
  clip_grad_norm: number | null;
  optimizer: string;
  scheduler: string;
  models: { losses: number[]; after: Record<string, number[]> }[];
}
interface Golden {
  optimizers: Record<string, NonNullable<RunConfig['optimizer']>>;
  schedulers: Record<string, NonNullable<RunConfig['scheduler']>>;
  vectors: VectorCase[];
  networks: Record<string, NetworkCase>;
}

const golden = JSON.parse(
  readFileSync(new URL('../fixtures/training/steps.json', import.meta.url), 'utf8'),
) as Golden;
const steps = 50;
const tolerance = 1e-6;

let backend: Backend;
beforeAll(async () => {
  backend = await loadBackend();
});

const sizes = [5, 3];
const starts = [0, 5];
const startOf = (place: number): number[] =>
  Array.from({ length: sizes[place]! }, (_, i) => Math.cos(starts[place]! + i));
const gradientOf = (place: number, step: number): number[] =>
  Array.from({ length: sizes[place]! }, (_, i) => {
    const at = starts[place]! + i;
    return Math.sin(step * 1.7 + at) * 10 ** -(at % 4);
  });

const settingsOf = ({ optimizer, scheduler }: Pick<VectorCase, 'optimizer' | 'scheduler'>) => {
  const section = golden.optimizers[optimizer]!;
  const settings = resolveOptimizer({ optimizer: section });
  return { settings, schedule: resolveSchedule({ scheduler: golden.schedulers[scheduler]! }, settings.lr) };
};

const largest = (found: readonly number[], expected: readonly number[]): number => {
  expect(found).toHaveLength(expected.length);
  return Math.max(...found.map((value, i) => Math.abs(value - expected[i]!)));
};

describe.each(Object.keys(golden.optimizers))('%s', (optimizer) => {
  const cases = golden.vectors.filter((each) => each.optimizer === optimizer);

  it('covers every schedule', () => {
    expect(new Set(cases.map(({ scheduler }) => scheduler))).toEqual(new Set(Object.keys(golden.schedulers)));
  });

  it.each(cases.filter(({ clip }) => clip === null).map((each) => [each.scheduler, each] as const))(
    'on doubles, schedule %s',
    (_, each) => {
      const { settings, schedule } = settingsOf(each);
      const found = sizes.flatMap((size, place) => {
        const values = Float64Array.from(startOf(place));
        const moves = new DoubleOptimizer(settings, size);
        for (let step = 1; step <= steps; step++)
          moves.step(values, Float64Array.from(gradientOf(place, step)), schedule(step - 1), step);
        return [...values];
      });
      expect(largest(found, each.after)).toBeLessThan(tolerance);
    },
  );

  it.each(cases.map((each) => [each.scheduler, each.clip, each] as const))(
    'as tensors, schedule %s, gradients clipped at %s',
    async (_, __, each) => {
      const { settings, schedule } = settingsOf(each);
      await accounted(backend, 'fifty steps', () => {
        expect(largest(vectorSteps(settings, schedule, each.clip), each.after)).toBeLessThan(tolerance);
        return Promise.resolve();
      });
    },
  );
});

/** The formulas of tensors, recorded in float64. */
function vectorSteps(
  settings: ReturnType<typeof resolveOptimizer>,
  schedule: (epoch: number) => number,
  clip: number | null,
): number[] {
  const native = backend.native!;
  const { doubles } = native;
  const maths = mathsOf(backend);
  const double = (shape: number[]) => ({ dtype: types.float64, shape });
  const slots = slotNames(settings);
  const program = native.compiler.compile(
    {
      mode: 'graph',
      precision: 'float64',
      args: [...sizes.map((size) => double([1, size])), double([stepScalars(settings, 1, 1).length])],
      state: sizes.flatMap((size) => ['value', ...slots].map(() => double([1, size]))),
    },
    (args, state) => {
      const gradients = args.slice(0, sizes.length);
      const scalars = maths.tf.unstack(args.at(-1)!);
      const moving = clip === null ? gradients : clipped(maths, gradients, clip);
      const next = sizes.flatMap((_, place): Tensor[] => {
        const [value, ...kept] = state.slice(place * (1 + slots.length), (place + 1) * (1 + slots.length));
        const after = update(maths, settings, { value: value!, slots: kept }, moving[place]!, scalars);
        return [after.value, ...after.slots];
      });
      return { outputs: next, state: next };
    },
  );
  let found: number[] = [];
  try {
    const initial = sizes.flatMap((size, place) => [
      startOf(place),
      ...slots.map(() => Array<number>(size).fill(0)),
    ]);
    initial.forEach((values, i) => {
      const value = doubles.put(Float64Array.from(values), [1, values.length]);
      program.setAll([[i, value]]);
      doubles.free(value);
    });
    for (let step = 1; step <= steps; step++) {
      const numbers = [
        ...sizes.map((_, place) => gradientOf(place, step)),
        stepScalars(settings, schedule(step - 1), step),
      ];
      const args = numbers.map((values, i) =>
        doubles.put(Float64Array.from(values), i < sizes.length ? [1, values.length] : [values.length]),
      );
      const next = program.runDoubles(args);
      found = sizes.flatMap((_, place) => [...doubles.read(next[place * (1 + slots.length)]!)]);
      doubles.free(...next, ...args);
    }
    return found;
  } finally {
    program.dispose();
  }
}

describe('networks of two models', () => {
  it.each(Object.entries(golden.networks))('%s', async (_, each) => {
    const { settings, schedule } = settingsOf(each);
    await accounted(backend, 'fifty steps', () => {
      const session = new DoubleSteps(backend, each, settings);
      try {
        for (let step = 0; step < steps; step++) {
          const losses = session.step(schedule(step));
          each.models.forEach((model, m) => {
            expect(Math.abs(losses[m]! - model.losses[step]!), `step ${step}, model ${m}`).toBeLessThan(
              tolerance,
            );
          });
        }
        each.models.forEach(({ after }, m) => {
          for (const [name, expected] of Object.entries(after))
            expect(largest(session.parameter(name, m), expected), name).toBeLessThan(tolerance);
        });
      } finally {
        session.dispose();
      }
      return Promise.resolve();
    });
  });
});
