/** What every run of a sweep can be measured with: kinds of job that need no more than a run and an epoch. */
import { UserError } from './errors.ts';
import { jobKinds, type AnyJobKind } from './jobs/index.ts';
import { didYouMean } from './near-miss.ts';

const all: readonly AnyJobKind[] = Object.values<AnyJobKind>(jobKinds);

/** Why runs of a sweep cannot be measured with it; undefined if they can. */
function lacking(kind: AnyJobKind): string | undefined {
  const probe = kind.params.safeParse({ run: '/run', epoch: 1 });
  const missing = probe.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
  if (missing.length > 0) return `it needs more than a run and an epoch (${missing.join('; ')}).`;
  if (kind.resumable) return 'it needs more than a run and an epoch.';
  const takesRun = probe.data !== null && typeof probe.data === 'object' && 'run' in probe.data;
  return takesRun ? undefined : 'it is not about a run.';
}

/** In the order in which people see kinds of jobs. */
export const sweepMeasures: readonly AnyJobKind[] = all.filter((kind) => lacking(kind) === undefined);

/** @throws UserError for a kind that does not exist, or that runs of a sweep cannot be measured with */
export function checkThen(names: readonly string[]): void {
  for (const name of names) {
    const kind = all.find((candidate) => candidate.kind === name);
    if (!kind)
      throw new UserError(
        `--then ${name}: there is no such kind of job.${didYouMean(
          name,
          sweepMeasures.map((each) => each.kind),
        )}`,
      );
    const problem = lacking(kind);
    if (problem !== undefined)
      throw new UserError(`--then ${name}: ${problem}`, {
        hint: `Measure afterwards: basin run ${name} --help`,
      });
  }
}
