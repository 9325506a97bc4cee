/**
 * Where a compiled computation runs. Without a word TensorFlow's placer decides, node by node, and says nothing about it.
 *
 * On a GPU the call and its variables are therefore pinned. A session places what is pinned there or fails (its option of
 * "soft placement" is off unless asked for, and nothing here asks), so that a program that ran has run on the GPU; a
 * result needs no further word about it than the back end's device.
 *
 * What else is known of GPUs, from TensorFlow's sources; none of it has been tested on one since execution became compiled:
 * - XLA refuses a variable on another device than the call ("Trying to access resource ... located in device ...").
 * - There are no int32 variables on a GPU (VarHandleOp and AssignVariableOp have no such kernels; int64 ones do). int32
 *   state is held as int64 there, and cast on its way in and out; otherwise it would land on the CPU, and the first call
 *   would fail for the reason above.
 * - int32 arguments and results are no trouble: for nodes with `_XlaMustCompile` they live in the device's memory.
 * - exp, tanh, erf and others need libdevice and ptxas, which the CUDA build brings along (nvidia-cuda-nvcc).
 * - `graph` programs are pinned by their call; an operation without a GPU kernel inside runs on the CPU all the same.
 * - Arguments and results pass through ordinary memory: the binding's sessions take and give nothing else.
 */
import { types } from './graph.ts';
import * as pb from './protobuf.ts';
import type { Bytes } from './protobuf.ts';

export interface Placement {
  /** As TensorFlow names it: `/device:GPU:0`. */
  readonly device: string;
  /** int32 state is held as int64. */
  readonly wideState: boolean;
}

/** The first GPU that the process sees. */
export const firstGpu: Placement = { device: '/device:GPU:0', wideState: true };

/** The type of the variable that holds state of type `dtype`. */
export const heldAs = (dtype: number, placement?: Placement): number =>
  placement?.wideState === true && dtype === types.int32 ? types.int64 : dtype;

/** NodeDef.device */
export const onDevice = (placement?: Placement): Bytes[] =>
  placement ? [pb.bytes(4, placement.device)] : [];
