/** What is said of a training that is under way or has stopped. */
import type { Job } from '../../src-shared/api.ts';
import { duration } from '../format.ts';

export function progressOf({ progress }: Job): string {
  const done = `${Math.floor((progress?.fraction ?? 0) * 100)} %`;
  return progress?.secondsLeft === undefined ? done : `${done} · ${duration(progress.secondsLeft)} left`;
}

/** The name of its run. */
export function runOf({ params, title }: Job): string {
  return params !== null && typeof params === 'object' && 'run' in params
    ? String(params.run).split('/').at(-1)!
    : title;
}
