/** What jobs ask of Slurm: the section `slurm` of basin.yaml. */
import { z } from 'zod';

/** Into one line of a script: a line break would start another one. */
const line = z
  .string()
  .trim()
  .min(1)
  .refine((text) => !/[\r\n]/.test(text), 'one line of text was expected');
/** What `sbatch` takes as a value without quotation marks. */
const word = line.refine((text) => !/\s/.test(text), 'text without spaces was expected');

/** Words of an `#SBATCH` line, as sbatch reads them: quotation marks, backslashes, and a comment at its end. */
export function sbatchWords(text: string): string[] {
  const words = text.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')+/g);
  const all = [...words].map(([found]) => found);
  const comment = all.findIndex((found) => found.startsWith('#'));
  return (comment < 0 ? all : all.slice(0, comment)).map((found) =>
    found.replaceAll(/\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, (part) =>
      (part.startsWith('\\') ? part : part.slice(1, -1)).replaceAll(/\\(.)/g, '$1'),
    ),
  );
}

/** By these an array is found again, and its tasks find their files. Long names may be abbreviated. */
const ownOptions = ['--job-name', '--array', '--output'];
const isOwn = (option: string): boolean => {
  const [name] = option.split('=', 1);
  return /^-[Jao]/.test(option) || (name!.length > 3 && ownOptions.some((own) => own.startsWith(name!)));
};

const time = word.regex(
  /^(?:\d+|\d+:\d{2}(?::\d{2})?|\d+-\d+(?::\d{2}){0,2})$/,
  'a time such as 30 (minutes), 02:00:00 or 1-12 (days-hours) was expected',
);
const memory = word.regex(/^\d+[KMGT]?$/, 'memory such as 8G or 512M was expected');

export const slurmSettingsSchema = z.strictObject({
  partition: word.optional(),
  account: word.optional(),
  qos: word.optional(),
  time: z
    .union([z.int().positive().transform(String), time])
    .optional()
    .describe('limit per task'),
  memory: memory.optional().describe('per task'),
  cpus: z.int().positive().optional().describe('per task'),
  gpus: z
    .union([z.int().positive().transform(String), word])
    .optional()
    .describe('per task: a number, or type:number'),
  /** Tasks of one array that run at the same time, at most. */
  simultaneous: z.int().positive().optional(),
  /** More lines `#SBATCH ...`, without the word. */
  sbatch: z
    .array(
      line
        .regex(/^--?[a-zA-Z]/, 'an option of sbatch such as --constraint=skylake was expected')
        .refine(
          (text) => !sbatchWords(text).some(isOwn),
          'an option that Basin does not set itself was expected: it sets --job-name, --array and --output',
        ),
    )
    .default([]),
  /** Lines of shell that every task runs first. */
  setup: z.array(line).default([]),
  /** The command in front of Basin's own. */
  container: line.optional(),
  /** Node.js 24 as the tasks find it; absent: the one that submits. */
  node: line.optional(),
  /** A folder on the disk of each node, to which the TensorFlow library is copied once; absent: it is used in place. */
  localCache: line.optional(),
  /** Seconds before the time limit at which a task is told to stop. */
  stopBefore: z.int().positive().max(65_535).default(60),
  /** Seconds between two looks at the cluster. */
  poll: z.number().min(0.2).max(600).default(5),
});
export type SlurmSettings = z.infer<typeof slurmSettingsSchema>;

/** The whole of basin.yaml. */
export const basinFileSchema = z.strictObject({ slurm: slurmSettingsSchema });
