/** What torch.export.save writes as JSON (torch/_export/serde/schema.py), as far as Basin reads it. Unknown keys are passed over. */
import { z } from 'zod';

/** A form that is not known; one that is must be as it should be. */
const unlike = (keys: readonly string[]) =>
  z
    .looseObject({})
    .refine((value) => !keys.some((key) => Object.hasOwn(value, key)), 'is not laid out as it should be');

const named = z.object({ name: z.string() });
const symbolic = z.union([z.object({ as_name: z.string() }), z.object({ as_int: z.int() })]);
const number = z.union([z.number(), z.enum(['Infinity', '-Infinity', 'NaN'])]);

/** A size as recorded: a number, or an expression with symbols and its value for the example that was exported. */
const recordedSize = z.union([
  z.object({ as_int: z.number() }),
  z.object({
    as_expr: z.object({
      expr_str: z.string().max(10_000),
      hint: z.object({ as_int: z.number() }).partial().nullish(),
    }),
  }),
]);
export type RecordedSize = z.output<typeof recordedSize>;

export const tensorMetaSchema = z.object({
  dtype: z.int(),
  sizes: z.array(recordedSize).max(64),
  strides: z.array(recordedSize).max(64).optional(),
  storage_offset: recordedSize.nullish(),
  layout: z.int().optional(),
  requires_grad: z.boolean().optional(),
});
export type TensorMeta = z.output<typeof tensorMetaSchema>;

const plainArgument = z.union([
  z.strictObject({ as_tensor: named }),
  z.strictObject({ as_tensors: z.array(named) }),
  z.strictObject({
    as_optional_tensors: z.array(
      z.union([z.strictObject({ as_tensor: named }), z.strictObject({ as_none: z.json() })]),
    ),
  }),
  z.strictObject({ as_int: z.number() }),
  z.strictObject({ as_ints: z.array(z.number()) }),
  z.strictObject({ as_float: number }),
  z.strictObject({ as_floats: z.array(number) }),
  z.strictObject({ as_bool: z.boolean() }),
  z.strictObject({ as_bools: z.array(z.boolean()) }),
  z.strictObject({ as_string: z.string() }),
  z.strictObject({ as_none: z.json() }),
  z.strictObject({ as_sym_int: symbolic }),
  z.strictObject({ as_sym_ints: z.array(symbolic) }),
  z.strictObject({ as_scalar_type: z.int() }),
  z.strictObject({ as_device: z.json() }),
  z.strictObject({ as_layout: z.int() }),
  z.strictObject({ as_memory_format: z.int() }),
]);

/** As `plainArgument`; or a form that no supported operation takes, which is refused by the operation that has it. */
const argument = z.union([
  plainArgument,
  unlike(plainArgument.options.flatMap((option) => Object.keys(option.shape))),
]);
export type Argument = z.output<typeof argument>;

const nodeSchema = z.object({
  target: z.string(),
  inputs: z.array(z.object({ name: z.string().default(''), arg: argument })).max(10_000),
  outputs: z.array(argument).max(10_000),
  metadata: z.record(z.string(), z.string()).default({}),
});
export type ExportedNode = z.output<typeof nodeSchema>;

export const exportedGraphSchema = z.object({
  inputs: z.array(argument),
  outputs: z.array(argument),
  nodes: z.array(nodeSchema),
  tensor_values: z.record(z.string(), tensorMetaSchema),
});
export type ExportedGraph = z.output<typeof exportedGraphSchema>;

const inputSpec = z.union([
  z.object({ parameter: z.object({ arg: named, parameter_name: z.string() }) }),
  z.object({ buffer: z.object({ arg: named, buffer_name: z.string(), persistent: z.boolean() }) }),
  z.object({ tensor_constant: z.object({ arg: named, tensor_constant_name: z.string() }) }),
  z.object({ user_input: z.object({ arg: argument }) }),
  z.object({ constant_input: z.object({ name: z.string() }) }),
  unlike(['parameter', 'buffer', 'tensor_constant', 'user_input', 'constant_input']),
]);

const outputSpec = z.union([z.object({ user_output: z.object({ arg: argument }) }), unlike(['user_output'])]);

export const programSchema = z.object({
  schema_version: z.object({ major: z.int(), minor: z.int() }),
  opset_version: z.record(z.string(), z.int()).default({}),
  torch_version: z.string().default('unknown'),
  graph_module: z.object({
    graph: exportedGraphSchema,
    signature: z.object({ input_specs: z.array(inputSpec), output_specs: z.array(outputSpec) }),
  }),
});
export type Program = z.output<typeof programSchema>;

export const payloadsSchema = z.object({
  config: z.record(
    z.string(),
    z.object({
      path_name: z.string(),
      is_param: z.boolean(),
      use_pickle: z.boolean().default(false),
      tensor_meta: tensorMetaSchema.nullable(),
    }),
  ),
});
