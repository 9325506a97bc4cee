/** A measure in parts, in miniature: slow, and dying on purpose. */
import { appendFileSync, existsSync, rmSync } from 'node:fs';
import type { z } from 'zod';
import type { PartedCompute } from '../../../src-main/compute/parts.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import type { squaresJob } from './kinds.ts';

type Params = z.output<typeof squaresJob.params>;

export const pretendSquares: PartedCompute<Params, Params> = {
  plan: (params) => params.epochs.map((epoch) => ({ ...params, epochs: [epoch] })),
  async *measure(parts, context) {
    for (const { epochs, size, ms, diary, dieAt, trap } of parts) {
      const epoch = epochs[0]!;
      if (epoch === dieAt && existsSync(trap.slice(1))) {
        rmSync(trap.slice(1));
        process.kill(process.pid, 'SIGKILL');
      }
      for (let waited = 0; waited < ms; waited += 5) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await context.between(5 / ms, `epoch ${epoch}`);
      }
      appendFileSync(diary.slice(1), `${epoch} `);
      const squares = new Float64Array(size * size).map((_, i) => (epoch + i / 7) ** 2);
      yield { epoch, squares: matrix(size, size, squares) };
    }
  },
};
