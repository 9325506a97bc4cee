/** A small result of any kind of job, made from the schema of its result: a new kind needs no sample of its own. */
import { z } from 'zod';
import { jobKinds, type JobKindName } from '../../src-shared/jobs/index.ts';
import { matrix } from '../../src-shared/matrix.ts';

/** Valid for the kind's schema: lists have two entries, fields that may be missing are there, matrices are 2 x 3. */
export function sampleResult(kind: JobKindName): unknown {
  let count = 0;
  const next = (): number => ++count;
  return jobKinds[kind].result.parse(sampleOf(jobKinds[kind].result, next));
}

function sampleOf(schema: z.core.$ZodType, next: () => number): unknown {
  const of = (inner: z.core.$ZodType): unknown => sampleOf(inner, next);
  if (schema instanceof z.ZodObject) {
    const shape = schema.def.shape as Record<string, z.core.$ZodType>;
    // By its parts: `.describe()` and the like make another schema of it.
    if (shape['data'] instanceof z.ZodCustom)
      return matrix(
        2,
        3,
        Float64Array.from({ length: 6 }, () => next() / 7),
      );
    return Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, of(field)]));
  }
  if (schema instanceof z.ZodArray) return [of(schema.def.element), of(schema.def.element)];
  if (schema instanceof z.ZodTuple) return schema.def.items.map(of);
  if (schema instanceof z.ZodRecord) return { [keyOf(schema.def.keyType, of)]: of(schema.def.valueType) };
  if (schema instanceof z.ZodUnion) return of(schema.def.options[0]!);
  if (schema instanceof z.ZodEnum) return schema.options[0];
  if (schema instanceof z.ZodLiteral) return [...schema.values][0];
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) return of(schema.def.innerType);
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) return of(schema.def.innerType);
  if (schema instanceof z.ZodPipe) return of(schema.def.in);
  if (schema instanceof z.ZodLazy) return of(schema.def.getter());
  if (schema instanceof z.ZodNumber) return numberFor(schema, next());
  if (schema instanceof z.ZodString) return `text ${next()}, with a comma, "quotes" and an ü`;
  if (schema instanceof z.ZodBoolean) return next() % 2 === 0;
  if (schema instanceof z.ZodUnknown) return null;
  throw new Error(`no sample for a ${schema._zod.def.type}: teach test/support/sample-result.ts`);
}

const keyOf = (schema: z.core.$ZodType, of: (inner: z.core.$ZodType) => unknown): string =>
  schema instanceof z.ZodString ? 'key' : String(of(schema));

/** Within the bounds of the schema; no whole number where none is asked for. */
function numberFor(schema: z.ZodNumber, wanted: number): number {
  const value = schema.isInt ? wanted : wanted + 1 / 3;
  const [low, high] = [schema.minValue ?? -Infinity, schema.maxValue ?? Infinity];
  return value > high ? Math.max(low, schema.isInt ? high : high - 1e-3) : value;
}
