/**
 * Names of the outputs of TensorFlow's operations: inside a function a value is `node:output name:index`. `output` unless
 * listed; a trailing * marks a list. From the op registry of TensorFlow 2.21 (such names never change).
 */
const byOutputs: Readonly<Record<string, string>> = {
  y: 'Abs Acos Acosh Asin Asinh Atan Atanh Cast Ceil ComplexAbs Cos Cosh Erf Erfinv Exp Expm1 Floor IsFinite IsInf IsNan Log Log1p LogicalNot Neg OnesLike Reciprocal Round Rsqrt Sigmoid Sign Sin Sinh Sqrt Square Tan Tanh Transpose ZerosLike',
  z: 'Add AddV2 Atan2 BitwiseAnd Div DivNoNan Equal FloorDiv FloorMod Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr Maximum Minimum Mod Mul NotEqual Pow RealDiv RsqrtGrad SigmoidGrad SquaredDifference Sub TanhGrad',
  activations: 'Elu LeakyRelu Relu Relu6 Selu Softplus',
  'output*': 'IdentityN Split SplitV StatelessIf StatelessWhile Unpack',
  image: 'DecodeBmp DecodeGif DecodeJpeg DecodePng',
  out: 'Complex Cumprod Cumsum',
  backprops: 'EluGrad ReluGrad',
  contents: 'EncodeJpeg EncodePng',
  resized_images: 'ResizeBilinear ResizeNearestNeighbor',
  'values indices': 'TopK TopKV2',
  'y idx': 'Unique UniqueV2',
  sum: 'AddN',
  '': 'AssignVariableOp',
  bins: 'Bincount',
  r0: 'BroadcastArgs',
  crops: 'CropAndResize',
  filter_backprop: 'Dilation2DBackpropFilter',
  in_backprop: 'Dilation2DBackpropInput',
  'y batch_mean batch_variance reserve_space_1 reserve_space_2': 'FusedBatchNorm',
  'x_backprop scale_backprop offset_backprop reserve_space_4 reserve_space_5': 'FusedBatchNormGradV3',
  'y batch_mean batch_variance reserve_space_1 reserve_space_2 reserve_space_3': 'FusedBatchNormV3',
  logsoftmax: 'LogSoftmax',
  product: 'MatMul',
  band: 'MatrixBandPart',
  'output argmax': 'MaxPoolWithArgmax',
  selected_indices: 'NonMaxSuppressionV3',
  'selected_indices valid_outputs': 'NonMaxSuppressionV4',
  'selected_indices selected_scores valid_outputs': 'NonMaxSuppressionV5',
  'q r': 'Qr',
  'output_nested_splits* output_dense_values': 'RaggedGather',
  'rt_nested_splits rt_dense_values': 'RaggedRange',
  result: 'RaggedTensorToTensor',
  value: 'ReadVariableOp',
  'e v': 'SelfAdjointEigV2',
  softmax: 'Softmax',
  'output_indices output_values empty_row_indicator reverse_index_map': 'SparseFillEmptyRows',
  'output_indices output_shape': 'SparseReshape',
  'loss backprop': 'SparseSoftmaxCrossEntropyWithLogits',
  dense: 'SparseToDense',
  'key counter': 'StatelessRandomGetKeyCounter',
  'ngrams ngrams_splits': 'StringNGrams',
  'indices values shape': 'StringSplit',
  's u v': 'Svd',
  index: 'Where',
};

const table = new Map(
  Object.entries(byOutputs).flatMap(([outputs, operations]) =>
    operations.split(' ').map((operation) => [operation, outputs.split(' ')] as const),
  ),
);

/** What follows `node:` in a reference to output `index`. */
export function outputReference(operation: string, index: number): string {
  const names = table.get(operation) ?? ['output'];
  const list = names.findIndex((name) => name.endsWith('*'));
  if (list >= 0 && index >= list) return `${names[list]!.slice(0, -1)}:${index - list}`;
  const name = names[index];
  if (name === undefined) throw new Error(`${operation} has no output ${index}`);
  return `${name}:0`;
}
