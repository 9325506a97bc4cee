/** Tensors in ordinary memory. */

/** A tensor in ordinary memory, C order. */
export interface HostTensor {
  shape: number[];
  data: Float32Array;
}

/** A state dict: parameters and buffers by the names that the network's graph has for them. */
export type StateDict = Map<string, HostTensor>;
