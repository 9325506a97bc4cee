/** Which numbers of a kind's result are whole numbers by its schema, whatever the values at hand look like. */
import { z } from 'zod';

/** A part of a result, as far as it matters here. */
export interface Fields {
  integer: boolean;
  items?: Fields;
  properties: ReadonlyMap<string, Fields>;
  /** Of fields whose names the schema does not know. */
  others?: Fields;
}

const nothing: Fields = { integer: false, properties: new Map() };

interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: string;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
}

/** The rows that a table of such a result may have: itself, its elements, or those of one of its lists. */
export function rowFields(schema: z.ZodType): Fields {
  const root = z.toJSONSchema(schema, { unrepresentable: 'any', reused: 'inline' }) as JsonSchema;
  const whole = fieldsOf(root);
  const lists = [...whole.properties.values()].map((field) => field.items);
  return [whole.items, ...lists].reduce<Fields>((all, more) => (more ? merged(all, more) : all), whole);
}

function fieldsOf(schema: JsonSchema): Fields {
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].filter(
    ({ type }) => type !== 'null',
  );
  if (branches.length > 0) return branches.map(fieldsOf).reduce(merged);
  const { additionalProperties: others } = schema;
  return {
    integer: schema.type === 'integer',
    ...(schema.items && { items: fieldsOf(schema.items) }),
    properties: new Map(Object.entries(schema.properties ?? {}).map(([name, of]) => [name, fieldsOf(of)])),
    ...(typeof others === 'object' && { others: fieldsOf(others) }),
  };
}

/** Whole only where both are. */
function merged(a: Fields, b: Fields): Fields {
  const names = new Set([...a.properties.keys(), ...b.properties.keys()]);
  const either = (left: Fields | undefined, right: Fields | undefined): Fields =>
    left && right ? merged(left, right) : (left ?? right ?? nothing);
  return {
    integer: a.integer && b.integer,
    ...((a.items ?? b.items) && { items: either(a.items, b.items) }),
    properties: new Map(
      [...names].map((name) => [name, either(a.properties.get(name), b.properties.get(name))]),
    ),
    ...((a.others ?? b.others) && { others: either(a.others, b.others) }),
  };
}
