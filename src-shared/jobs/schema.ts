/** Params as JSON Schema: what flags and forms are made from, and where the paths in them are. */
import { z } from 'zod';

/** The part of JSON Schema that zod writes for params, with what `.meta` adds (`define.ts`). */
export interface ParamSchema {
  type?: string;
  title?: string;
  description?: string;
  label?: string;
  advanced?: boolean;
  path?: boolean;
  withoutEffect?: boolean;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  items?: ParamSchema;
  prefixItems?: ParamSchema[];
  anyOf?: ParamSchema[];
  oneOf?: ParamSchema[];
  allOf?: ParamSchema[];
  properties?: Record<string, ParamSchema>;
  required?: string[];
  minimum?: number;
  maximum?: number;
}

const known = new WeakMap<z.ZodType, ParamSchema>();

/** Of what a person may write, before defaults are filled in. */
export function paramSchema(params: z.ZodType): ParamSchema {
  const before = known.get(params);
  if (before) return before;
  const made = z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' }) as ParamSchema;
  known.set(params, made);
  return made;
}
