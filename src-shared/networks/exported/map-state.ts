/** What is known of the values along which a group of units stands, for maps that mix the units. */

/** A node reads a parameter behind a norm's scale, which is also used elsewhere. */
export interface TiedUse {
  readonly parameter: string;
  readonly node: string;
}

/** More than permutations changes the function, for this reason. */
export class MapRefused extends Error {
  /** If that is all, the parameter could be made two. */
  readonly tied: readonly TiedUse[] | undefined;

  constructor(reason: string, tied?: readonly TiedUse[]) {
    super(reason);
    this.tied = tied;
  }
}

/** A parameter that reads a scaled value along an axis, and the bias added to what comes out, if one is. */
export interface FoldReader {
  readonly parameter: string;
  readonly axis: number;
  readonly bias: string | undefined;
  readonly node: string;
}

/** A norm's entry by entry affine pair, which goes into the parameters that read it. */
export interface Fold {
  /** Parameter that multiplies entry by entry. */
  readonly scale: string;
  /** Parameter that is added behind it. */
  readonly shift: string | undefined;
  readonly readers: readonly FoldReader[];
  /** `biases`: the shift goes into the readers' biases; `inside`: it stays, divided by the scale. */
  readonly shiftGoes: 'biases' | 'inside';
}

/** What a group allows. */
export interface FoundMap {
  /** `linear`: nothing but linear maps, so that any invertible map may do. */
  readonly kind: 'linear' | 'orthogonal';
  readonly keepsOnes: boolean;
  readonly folds: readonly Fold[];
}

/** A scale (and shift) on the way to what reads it. */
export interface Pending {
  readonly scale: string;
  readonly shift: string | undefined;
  /** Nothing but moves of entries since: every reader sees the shift as it is. */
  readonly isPlain: boolean;
}

export interface MapState {
  /** `vector`: turned by the map; `squares`: its entries squared, of which only the sum stays. */
  readonly kind: 'vector' | 'squares';
  readonly pending?: Pending;
  /** It is this parameter, axis i of the value being its axis `axes[i]`; -1: an axis along which it is repeated. */
  readonly alias?: { readonly parameter: string; readonly axes: readonly number[] };
}

export const vector: MapState = { kind: 'vector' };

export const withoutAlias = ({ kind, pending }: MapState): MapState => ({
  kind,
  ...(pending && { pending }),
});

/** Times one number for all entries: a shift does not arrive as it is any more. */
export const linear = ({ kind, pending }: MapState): MapState => ({
  kind,
  ...(pending && { pending: { ...pending, isPlain: false } }),
});
