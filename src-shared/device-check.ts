/**
 * The same fixed work on the GPU and on the processor, compared number by number.
 *
 * Tolerances. Sums of n numbers come out differently on a GPU, because it adds in another order; so do exp, tanh or erf,
 * in the last bit or two. Each such rounding is off by at most u of the number (2^-24 in float32, 2^-53 in float64), and
 * n of them in a row, which partly cancel, by about u sqrt(n) (Higham and Mary, SIAM J. Sci. Comput. 41, 2019). An item
 * says how many roundings stand between its inputs and its numbers; both sides may be off, and the factor `margin` pays
 * for what an error grows by on its way through norms and layers:
 *
 *     tolerance = 2 margin u sqrt(n)
 *
 * relative to the largest entry of the item. Two ways of computing on one processor differ by a tenth of that or less;
 * factors rounded to TF32 (an error of 2^-12 instead of 2^-24 at the first step) are far outside. Items called exact come
 * out the same in any order of sums, and have no tolerance.
 */
import { z } from 'zod';
import { backendInfoSchema, executionSchema } from './domain.ts';
import type { Execution } from './domain.ts';

export type CheckWay = Execution['way'];

const units = { exact: 0, float32: 2 ** -24, float64: 2 ** -53 } as const;
const margin = 4;

export const deviceNumbersSchema = z.object({
  backend: backendInfoSchema,
  /** `tensorflow 2.21.0 (CPU, 2 threads)` */
  label: z.string(),
  /** Of the GPU or the processor. */
  deviceName: z.string(),
  items: z.array(
    z.object({
      name: z.string(),
      way: executionSchema.shape.way,
      precision: z.enum(['exact', 'float32', 'float64']),
      /** The longest chain of roundings between inputs and numbers. */
      roundings: z.number(),
      values: z.instanceof(Float64Array),
    }),
  ),
  /** Ways that do not work there, and why: their items are missing. */
  missing: z.array(z.object({ way: executionSchema.shape.way, reason: z.string() })),
});
export type DeviceNumbers = z.infer<typeof deviceNumbersSchema>;
export type DeviceItem = DeviceNumbers['items'][number];

/** What a process says that was asked for the numbers of one device. */
export const deviceResultSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('numbers'), numbers: deviceNumbersSchema }),
  z.object({
    kind: z.literal('elsewhere'),
    label: z.string(),
    reason: z.string().optional(),
    fix: z.string().optional(),
  }),
  z.object({ kind: z.literal('failed'), message: z.string(), hint: z.string().optional() }),
]);
export type DeviceResult = z.infer<typeof deviceResultSchema>;

export interface Comparison {
  item: string;
  way: CheckWay;
  /** Of any two entries, relative to the processor's largest; null if they cannot be compared, for the reason given. */
  difference: number | null;
  tolerance: number;
  ok: boolean;
  problem?: string;
}

export interface DeviceCheck {
  gpu: DeviceSide;
  cpu: DeviceSide;
  items: Comparison[];
  /** Ways that could not be compared at all. */
  missing: { way: CheckWay; device: 'cpu' | 'gpu'; reason: string }[];
  /** Every item was compared, within its tolerance, in every way. */
  ok: boolean;
}
type DeviceSide = Pick<DeviceNumbers, 'backend' | 'label' | 'deviceName'>;

export const toleranceOf = ({ precision, roundings }: Pick<DeviceItem, 'precision' | 'roundings'>): number =>
  2 * margin * units[precision] * Math.sqrt(roundings);

/** @throws Error if these are not numbers of a GPU and of a processor by the same library: no verdict then */
export function checkDevices(gpu: DeviceNumbers, cpu: DeviceNumbers): DeviceCheck {
  for (const [device, { backend, label }] of [['gpu', gpu] as const, ['cpu', cpu] as const])
    if (backend.device !== device) throw new Error(`numbers of the ${device} come from ${label}`);
  const [a, b] = [gpu, cpu].map(({ backend }) => `${backend.name} ${backend.version}`);
  if (a !== b) throw new Error(`the two sides use different libraries: ${a} and ${b}`);
  const side = ({ backend, label, deviceName }: DeviceNumbers): DeviceSide => ({
    backend,
    label,
    deviceName,
  });
  const items = compareItems(gpu.items, cpu.items);
  const missing = [gpu, cpu].flatMap((numbers) =>
    numbers.missing.map((each) => ({ ...each, device: numbers.backend.device })),
  );
  const ok = items.length > 0 && missing.length === 0 && items.every((item) => item.ok);
  return { gpu: side(gpu), cpu: side(cpu), items, missing, ok };
}

/** Item by item, those that only one side has included. */
export function compareItems(gpu: readonly DeviceItem[], cpu: readonly DeviceItem[]): Comparison[] {
  const keyOf = ({ name, way }: DeviceItem): string => `${way} ${name}`;
  const others = new Map(cpu.map((item) => [keyOf(item), item]));
  const compared = gpu.map((item) => {
    const other = others.get(keyOf(item));
    others.delete(keyOf(item));
    return other ? compare(item, other) : alone(item, 'the processor did not compute these numbers');
  });
  return [
    ...compared,
    ...[...others.values()].map((item) => alone(item, 'the GPU did not compute these numbers')),
  ];
}

const alone = (item: DeviceItem, problem: string): Comparison => ({
  ...{ item: item.name, way: item.way, difference: null, tolerance: toleranceOf(item), ok: false, problem },
});

function compare(gpu: DeviceItem, cpu: DeviceItem): Comparison {
  const [a, b] = [gpu.values, cpu.values];
  if (a.length !== b.length || a.length === 0)
    return alone(cpu, `${a.length} numbers on the GPU, ${b.length} on the processor`);
  const bad = (values: Float64Array): number => values.findIndex((value) => !Number.isFinite(value));
  const at = Math.max(bad(a), bad(b));
  if (at >= 0)
    return alone(cpu, `a number that is not finite: ${a[at]} on the GPU, ${b[at]} on the processor`);
  const tolerance = toleranceOf(cpu);
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const apart = a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
  const difference = apart === 0 ? 0 : apart / largest;
  return { item: cpu.name, way: cpu.way, difference, tolerance, ok: difference <= tolerance };
}
