/** Which files are looked at when a folder is searched. What they are, their bytes tell (kind-of-file.ts). */

/** Endings that say "weights of PyTorch" and little else: such a file that cannot be read is worth an error. */
const ofWeights = /\.(pt|pth|th|safetensors|(pt|pth|ckpt)\.tar)$/i;
/** Endings that weights have, and many other files too. */
const perhapsWeights = /\.(bin|ckpt|chkpt|pkl|pickle|t7|pt2|ptl)$/i;
/** Weights of other programs, which are refused by their name. */
const ofOthers = /\.(h5|hdf5|keras|onnx|npz|msgpack|tflite|gguf)$/i;
const ofResults = /\.(json|parquet|zip)$/i;

/** For messages. */
export const lookedAtText =
  'results in .json, .parquet, .zip and .pt, and weights in .safetensors and in files of torch.save under any ending, are looked at';

export function isResultEnding(name: string): boolean {
  return ofResults.test(name);
}

export function isWeightsEnding(name: string): boolean {
  return ofWeights.test(name);
}

/** True for a file that could hold results or weights. */
export function couldBeImported(name: string): boolean {
  return [ofResults, ofWeights, perhapsWeights, ofOthers].some((endings) => endings.test(name));
}
