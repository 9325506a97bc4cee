/**
 * Which colour a group, a family or any other series has: one palette and one rule for the app's curves, saved figures,
 * the command line, the demo and the reproduced experiments.
 */
import { familyNames, type Family } from './domain.ts';

/** Okabe and Ito's palette, the order chosen so that neighbours differ in lightness too; without yellow. */
export const seriesPalette = [
  '#0072B2',
  '#D55E00',
  '#009E73',
  '#CC79A7',
  '#E69F00',
  '#56B4E9',
  '#000000',
  '#7F7F7F',
] as const;

/** The same hues on a dark ground, in the same order. */
export const darkPalette = [
  '#56B4E9',
  '#E69F00',
  '#2FC49A',
  '#E8A3CB',
  '#F0E442',
  '#7FA8FF',
  '#F3F3F3',
  '#9A9A9A',
] as const;

/** The colour at a place in the palette, over and over. */
export const paletteColour = (place: number): string => seriesPalette[place % seriesPalette.length]!;

/** Colours for groups, as groups write them; their swatches are seen on light and dark pages alike: without black. */
export const groupPalette = seriesPalette
  .filter((colour) => colour !== '#000000')
  .map((colour) => colour.toLowerCase());

const zero = /(?:σ_?F|sigma_?F|kappa|κ)\s*=?\s*0(?:\.0*)?(?![.\d])/iu;
/** Places in the palette that families have of old; the first that fits a name. */
const families: readonly (readonly [name: RegExp, place: (label: string) => number])[] = [
  [/\bsyre\b/iu, () => 3],
  [/\bw[-_ ]?asym/iu, (label) => (zero.test(label) ? 1 : 2)],
  [/σ[-_ ]?asym|\bsigma[-_ ]?asym/iu, () => 4],
  [/\bsparse\b/iu, () => 5],
  [/\bstandard\b/iu, () => 0],
];

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function familyColour(label: string): string | undefined {
  const place = families.find(([name]) => name.test(label))?.[1](label);
  return place === undefined ? undefined : seriesPalette[place];
}

/**
 * Colours of series that are seen together, in their order. An own colour wins; then a name that says its family has the
 * family's, if no other series has it; the others have the first of the palette that is free, or the least used.
 */
export function coloursOf(series: readonly { label: string; colour?: string | undefined }[]): string[] {
  const chosen: (string | undefined)[] = series.map(({ colour }) => colour);
  const uses = (colour: string): number => chosen.filter((c) => c !== undefined && same(c, colour)).length;
  for (const [i, { label }] of series.entries()) {
    const family = familyColour(label);
    if (chosen[i] === undefined && family !== undefined && uses(family) === 0) chosen[i] = family;
  }
  for (const i of series.keys())
    chosen[i] ??= seriesPalette.reduce((best, colour) => (uses(colour) < uses(best) ? colour : best));
  return chosen.map((colour) => colour!);
}

/**
 * The colour of a new group: its family's, if no group of its architecture has it (families have the same colour in every
 * architecture); else the one that the fewest groups have.
 */
export function groupColour(
  { key, architecture }: { key: string; architecture: string },
  groups: readonly { architecture: string; colour: string }[],
): string {
  const uses = (colour: string, among = groups): number =>
    among.filter((group) => same(group.colour, colour)).length;
  const family = familyColour(key);
  const alike = groups.filter((group) => group.architecture === architecture);
  const least = groupPalette.reduce((best, colour) => (uses(colour) < uses(best) ? colour : best));
  return (family !== undefined && uses(family, alike) === 0 ? family : least).toLowerCase();
}

/** The colour of a run by itself: its family's. */
export function colourOfRun(run: { name: string; family: Family | null; sigmaF: number | null }): string {
  const { name, family, sigmaF } = run;
  const label = family === null ? name : `${familyNames[family]}${sigmaF === null ? '' : `, σ_F ${sigmaF}`}`;
  return coloursOf([{ label }])[0]!;
}

/** A colour of the palette as it is drawn on a dark ground; any other stays. */
export function onDark(colour: string): string {
  const place = seriesPalette.findIndex((each) => same(each, colour));
  return darkPalette[place] ?? colour;
}
