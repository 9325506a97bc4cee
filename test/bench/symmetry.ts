/**
 * The whole matrix of component counts (2, 3 and 4 layers, widths 2 to 6, 200 starts each) found
 * against expected, converged, seconds; and milliseconds of the assignment solver.
 */
import { certify } from '../../src-main/compute/assignment/certify.ts';
import { solveAssignment } from '../../src-main/compute/assignment/solve.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import type { JobResult } from '../../src-shared/jobs/index.ts';
import { job } from '../support/job.ts';

async function components(): Promise<void> {
  const rows = [];
  for (const layers of [2, 3, 4]) {
    for (const width of [2, 3, 4, 5, 6]) {
      const started = performance.now();
      const r = await job<JobResult<'linear-components'>>('linear-components', {
        layers,
        width,
        starts: 200,
      });
      rows.push({
        layers,
        width,
        expected: r.expected,
        found: r.found,
        converged: `${r.converged}/${r.starts}`,
        'match signs': r.classes_match_signs,
        'up to permutation': r.found_up_to_permutation,
        'max loss within': r.max_loss_on_paths_within.toExponential(1),
        'least s. v. across': r.min_singular_value_across.toExponential(1),
        seconds: ((performance.now() - started) / 1000).toFixed(1),
      });
    }
  }
  console.table(rows);
}

function best(repetitions: number, run: () => void): number {
  let least = Infinity;
  for (let k = 0; k < repetitions; k++) {
    const started = performance.now();
    run();
    least = Math.min(least, performance.now() - started);
  }
  return least;
}

function assignments(): void {
  const stream = new RandomStream(1, 'bench');
  const draw = (n: number) => Float64Array.from({ length: n * n }, () => stream.uniform());
  const rows = [];
  for (const n of [512, 1024, 2048]) {
    const cost = draw(n);
    const assignment = best(5, () => solveAssignment(cost, n, n));
    const certified = certify(cost, n, n, solveAssignment(cost, n, n), 1e-12).optimal;
    rows.push({
      what: `assignment ${n}`,
      milliseconds: assignment.toFixed(1),
      note: certified ? 'certified' : 'NOT OPTIMAL',
    });
  }
  console.table(rows);
}

assignments();
await components();
