/** What is known of units that can change places. */

/** Along one axis of one parameter. */
export interface GroupAxis {
  readonly parameter: string;
  readonly axis: number;
  /** Places on the axis, `block` for each unit: unit k stands at places[k * block] to places[(k + 1) * block - 1]. */
  readonly places: Int32Array;
  readonly block: number;
  /** Only in these entries of another axis: grouped convolutions read each group by itself. */
  readonly within?: { readonly axis: number; readonly start: number; readonly count: number };
}

/** Along one axis of the value of one node, of one example; places and block as of `GroupAxis`. */
export interface GroupValue extends Omit<GroupAxis, 'parameter' | 'within'> {
  readonly node: string;
  /** If they stand along several axes together (heads, and what is in them): all of these, the last running fastest. */
  readonly axes?: readonly number[];
}

export const axesOfValue = ({ axis, axes }: GroupValue): readonly number[] => axes ?? [axis];

/** Units of which any may take the place of any other. */
export interface PermutationGroup {
  readonly name: string;
  readonly size: number;
  readonly axes: readonly GroupAxis[];
  /** Where the units stand in the values of nodes, in the order of computation. */
  readonly values: readonly GroupValue[];
  /** The nodes that make the units (linear layers), in the order of computation; several write to a residual stream. */
  readonly openedBy: readonly string[];
  /** Tensors that models of a run share and that would have to move: with them in place the group is broken. */
  readonly movesFixed: readonly string[];
  /** The unit of another group that these units are in, `GROUP.UNIT`: a head of attention, a group of channels. */
  readonly inside?: string;
}
