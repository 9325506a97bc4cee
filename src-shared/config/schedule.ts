/** Learning rates by epoch, as torch.optim.lr_scheduler gives them (src/optimizers/schedulers.py). */
import { UserError } from '../errors.ts';
import { didYouMean } from '../near-miss.ts';
import type { RunConfig } from './schema.ts';

/** The rate used throughout epoch `epoch`, counted from 0. */
export type Schedule = (epoch: number) => number;

const names = ['none', 'constant', 'cosine', 'step', 'multistep', 'linear_warmup', 'resnet_scheduler'];

/**
 * @param base the optimizer's lr
 * @throws UserError for an unknown name
 */
export function resolveSchedule(config: RunConfig, base: number, where = 'config'): Schedule {
  const schedule = scheduleOf(config, base, where);
  const steps = config.scheduler?.steps_per_epoch ?? 1;
  return (epoch) => schedule(steps * epoch);
}

/** Of one step per epoch. */
function scheduleOf(config: RunConfig, base: number, where: string): Schedule {
  const section = config.scheduler ?? {};
  const name = section.name ?? 'none';
  switch (name) {
    case 'none':
    case 'constant':
      return () => base;
    case 'cosine':
      return cosine(base, section.T_max ?? 100, section.eta_min ?? 0);
    case 'step': {
      const size = section.step_size ?? 30;
      const gamma = section.gamma ?? 0.1;
      return (epoch) => base * gamma ** Math.floor(epoch / size);
    }
    case 'multistep':
      return multistep(base, section.milestones ?? [30, 60, 90], section.gamma ?? 0.1);
    case 'resnet_scheduler':
      return multistep(
        base,
        section.milestones ?? Array.from({ length: 20 }, (_, i) => i + 1),
        section.gamma ?? 1.259,
      );
    case 'linear_warmup': {
      const steps = section.warmup_steps ?? 25;
      return (epoch) => (epoch < steps ? (base * (epoch + 1)) / steps : base);
    }
    default:
      throw new UserError(
        `${where}: scheduler.name is "${name}"; expected one of ${names.join(', ')}.${didYouMean(name, names)}`,
      );
  }
}

/** CosineAnnealingLR in closed form; past T_max the rate rises again. */
function cosine(base: number, period: number, lowest: number): Schedule {
  return (epoch) => lowest + ((base - lowest) * (1 + Math.cos((Math.PI * epoch) / period))) / 2;
}

/** A milestone listed twice counts twice. */
function multistep(base: number, milestones: readonly number[], gamma: number): Schedule {
  return (epoch) => base * gamma ** milestones.filter((milestone) => milestone <= epoch).length;
}
