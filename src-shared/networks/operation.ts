/** What an operation of the vocabulary says of itself. */
import type { z } from 'zod';
import type { Axis } from './axes.ts';
import type { Parameter } from './graph.ts';

/** A node with what its rules need. */
export interface NodeFacts<Attributes> {
  readonly id: string;
  readonly attributes: Attributes;
  /** Shapes of the values it takes, of one example each. */
  readonly inputs: readonly (readonly number[])[];
  /** By the operation's word. */
  readonly parameters: Readonly<Record<string, Parameter>>;
}

/** Axes of a value or parameter, one list of labels each. */
export type Axes = readonly Axis[];

/** What rules for axes can do. */
export interface AxisRules {
  /** New labels for an axis whose entries may change places as far as this node goes. */
  open(size: number): Axis;
  unify(a: Axis, b: Axis): void;
  fix(axis: Axis, reason: string): void;
  /** Says along which axes a parameter, by the operation's word, moves; one that is absent is passed over. */
  parameter(word: string, axes: Axes): void;
}

/** To which power of the factor an entry is multiplied: statistics of squares take the square. */
export type ScalePower = 1 | -1 | 2;

/**
 * Scales: positive factors that an axis may carry. `closed` axes carry none: what comes after would see them.
 * Labels as for permutations; `parameter` says which axis of a parameter takes the factor, to which power.
 */
export interface ScaleRules {
  open(size: number): Axis;
  unify(a: Axis, b: Axis): void;
  close(axis: Axis, reason: string): void;
  /** The node takes one positive factor of all entries out again, up to its epsilon; exact rescalings end there. */
  normalise(axis: Axis): void;
  parameter(word: string, axis: number, labels: Axis, power: ScalePower): void;
}

export interface Operation<Schema extends z.ZodType = z.ZodType> {
  readonly attributes: Schema;
  /** The operation's words for its parameters. */
  readonly parameters: Readonly<Record<string, 'needed' | 'optional'>>;
  /** How many values it takes: fewest and most. */
  readonly inputs: readonly [number, number];
  /** @returns the shape of its value. @throws Error saying which sizes do not fit */
  shape(node: NodeFacts<z.output<Schema>>): readonly number[];
  /** @returns the axes of its value */
  axes(node: NodeFacts<z.output<Schema>>, inputs: readonly Axes[], rules: AxisRules): Axes;
  /** As `axes`, of the scales that units carry. */
  scales(node: NodeFacts<z.output<Schema>>, inputs: readonly Axes[], rules: ScaleRules): Axes;
}

export const defineOperation = <Schema extends z.ZodType>(operation: Operation<Schema>): Operation<Schema> =>
  operation;

/** The last axis of the only input. */
export const lastAxis = (inputs: readonly Axes[]): Axis => inputs[0]!.at(-1)!;

/** @throws Error if a parameter that is there has another shape */
export function requireShape(node: NodeFacts<unknown>, word: string, shape: readonly number[]): void {
  const parameter = node.parameters[word];
  if (!parameter || parameter.shape.join() === shape.join()) return;
  throw new Error(
    `${node.id}: ${word} ("${parameter.name}") has shape [${parameter.shape.join(', ')}]; [${shape.join(', ')}] was expected`,
  );
}
