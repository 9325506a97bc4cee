/**
 * Beyond permutations: groups of an exported network whose units meet nothing but linear maps and norms. A residual stream
 * then may be turned by any orthogonal map (A. Theus et al., "Generalized linear mode connectivity for
 * transformers", 2025, arXiv 2506.22712), and what is inside heads by any invertible one. All of it is
 * read off the graph; compute/alignment/orthogonal checks it by machine.
 */
import type { Network } from '../network.ts';
import type { PermutationGroup } from '../permutation-groups.ts';
import { symmetriesOf } from '../symmetries.ts';
import { followUnits } from './follow.ts';
import type { FollowedUnits } from './follow.ts';
import { GroupReading } from './map-reading.ts';
import type { GroupUnits } from './map-reading.ts';
import { MapRefused } from './map-state.ts';
import type { Fold, TiedUse } from './map-state.ts';
import { sidesOf } from './sides.ts';
import type { Side } from './sides.ts';
import { Unfollowed } from './value.ts';
import type { Part } from './value.ts';

export interface LinearMap {
  /** Its axes without the scales of norms: once these are 1, no map changes them. */
  readonly group: PermutationGroup;
  /** With them. */
  readonly whole: PermutationGroup;
  /** `invertible`: A on one side and its inverse, transposed, on the other; else one orthogonal map on all axes. */
  readonly kind: 'orthogonal' | 'invertible';
  /** The map must keep the vector of ones: a LayerNorm subtracts the mean, or one number is added to all entries. */
  readonly keepsOnes: boolean;
  /** Norms whose scale has to go into what reads them first. */
  readonly folds: readonly Fold[];
  /** Of `invertible`: the side of each of the `block` places of a unit, for every axis of the group. */
  readonly sides: readonly (readonly Side[])[];
}

export interface LinearMaps {
  readonly maps: readonly LinearMap[];
  /** Groups that are left with permutations, and why. */
  readonly others: readonly {
    readonly group: PermutationGroup;
    readonly reason: string;
    /** If nothing but parameters that are used twice keeps the group from more. */
    readonly tied?: readonly TiedUse[] | undefined;
  }[];
}

const known = new WeakMap<Network, LinearMaps>();

/**
 * @returns for every permutation group of the network whether more than permutations leave the function as it is; found
 * once per network
 */
export function linearMapsOf(network: Network): LinearMaps {
  const found = known.get(network) ?? mapsIn(network);
  known.set(network, found);
  return found;
}

function mapsIn(network: Network): LinearMaps {
  const { groups } = symmetriesOf(network);
  const maps: LinearMap[] = [];
  const others: LinearMaps['others'][number][] = [];
  if (groups.length === 0) return { maps, others };
  const followed = followUnits(network);
  const sides = readSides(network);
  const roots = rootsIn(followed);
  for (const group of groups) {
    try {
      const units = unitsOf(group, followed, roots);
      const { kind, keepsOnes, folds } = new GroupReading(network, followed, units).read();
      const found = kind === 'linear' ? sides?.(group) : undefined;
      const scales = new Set(folds.map(({ scale }) => scale));
      maps.push({
        group: { ...group, axes: group.axes.filter(({ parameter }) => !scales.has(parameter)) },
        ...{ whole: group, keepsOnes, folds, kind: found ? 'invertible' : 'orthogonal' },
        sides: found ?? [],
      });
    } catch (thrown) {
      if (!(thrown instanceof MapRefused)) throw thrown;
      others.push({ group, reason: thrown.message, ...(thrown.tied && { tied: thrown.tied }) });
    }
  }
  return { maps, others };
}

function readSides(network: Network): ReturnType<typeof sidesOf> | undefined {
  try {
    return sidesOf(network);
  } catch (thrown) {
    if (thrown instanceof Unfollowed) return undefined;
    throw thrown;
  }
}

/** Looked up once for all groups. */
function rootsIn({ blocks }: FollowedUnits): GroupUnits['roots'] {
  const known = new Map<Part, readonly number[]>();
  return (part) => {
    const found = known.get(part) ?? part.labels.map((label) => blocks.labels.root(label));
    known.set(part, found);
    return found;
  };
}

/** The labels of the units. @throws MapRefused if a unit is a block of several */
function unitsOf(group: PermutationGroup, followed: FollowedUnits, roots: GroupUnits['roots']): GroupUnits {
  const root = (label: number): number => followed.blocks.labels.root(label);
  const units = new Map<number, number>();
  for (const { parameter, axis, places, block, within } of group.axes) {
    if (within) throw new MapRefused('its units are read group by group, by a grouped convolution');
    const placed = followed.placed.find((each) => each.parameter === parameter && each.axis === axis)!;
    places.forEach((place, i) => {
      const unit = Math.floor(i / block);
      const known = units.get(root(placed.labels[place]!));
      if (known !== undefined && known !== unit) throw new MapRefused('its units share entries');
      units.set(root(placed.labels[place]!), unit);
    });
  }
  if (units.size !== group.size) throw new MapRefused('its units are blocks: heads, or groups of channels');
  return { units, size: group.size, roots };
}
