/** What measures of rows of weights need to know of a layer. */
import type { Parameter } from '../../../src-shared/networks/graph.ts';
import type { CheckedNode } from '../../../src-shared/networks/network.ts';
import type { Patches } from './patches.ts';

/** A layer as rows of weights, each multiplied with vectors of a value. */
export interface MeasuredLayer {
  /** The name of its module. */
  readonly id: string;
  readonly node: CheckedNode;
  readonly weight: Parameter;
  /** Of an exported network it is added by another node, and not known here. */
  readonly bias: Parameter | undefined;
  /** The weight is stored as [inputs, outputs]. */
  readonly isTurned: boolean;
  /** Numbers of a vector. */
  readonly width: number;
  /** Of a convolution: how its vectors are cut from images. */
  readonly patches?: Patches | undefined;
}
