/** Where a result or a figure comes from: enough to find the files again and to compute it anew. */
import { z } from 'zod';

export const provenanceSchema = z.object({
  /** Version of Basin that computed it. */
  basinVersion: z.string(),
  /** Compute back end as it names itself, "tensorflow 2.21.0 (CPU, 2 threads)". */
  backend: z.string().optional(),
  /** Kind of job, and the version of its computation. */
  kind: z.string().optional(),
  jobVersion: z.int().nonnegative().optional(),
  runs: z.array(z.object({ id: z.string(), path: z.string(), configHash: z.string() })).default([]),
  checkpoints: z.array(z.object({ path: z.string(), sha256: z.string() })).default([]),
  /** Every seed that was drawn or given, by name. */
  seeds: z.record(z.string(), z.union([z.number(), z.array(z.number())])).default({}),
  /** The data set and split, "mnist-10k, test". */
  data: z.string().optional(),
  /** Put together from partial results, of which some were known from earlier jobs. */
  parts: z
    .object({
      /** "checkpoints" */
      unit: z.string(),
      total: z.int().positive(),
      known: z.int().nonnegative(),
      /** When the oldest of them was computed, ISO 8601. */
      since: z.string(),
    })
    .optional(),
  /** ISO 8601. Left out where two files made from the same numbers must be equal byte for byte. */
  created: z.string().optional(),
});

export type Provenance = z.output<typeof provenanceSchema>;
/** As written by hand: lists may be left out. */
export type ProvenanceInput = z.input<typeof provenanceSchema>;

const few = (names: readonly string[], limit: number): string =>
  names.length <= limit
    ? names.join(', ')
    : `${names.slice(0, limit).join(', ')} and ${names.length - limit} more`;

/** One line for under a figure or a table: "w-asym-7f3a (config 4f1c9a2b) · mnist-10k, test · seed mask 7 · ...". */
export function provenanceLine(provenance: ProvenanceInput): string {
  const { runs = [], checkpoints = [], seeds = {}, data, backend, basinVersion, parts: of } = provenance;
  const runNames = runs.map((run) => `${run.id} (config ${run.configHash.slice(0, 8)})`);
  const seedNames = Object.entries(seeds).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? value : few(value.map(String), 4)}`,
  );
  const parts = [
    few(runNames, 4),
    checkpoints.length > 0 ? `${checkpoints.length} checkpoint${checkpoints.length === 1 ? '' : 's'}` : '',
    data ?? '',
    seedNames.length > 0 ? `seeds: ${few(seedNames, 4)}` : '',
    of !== undefined && of.known > 0 ? `${of.known} of ${of.total} ${of.unit} from earlier jobs` : '',
    backend ?? '',
    `Basin ${basinVersion}`,
  ];
  return parts.filter((part) => part !== '').join(' · ');
}
