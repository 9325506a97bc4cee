/** Names of tensors as wrappers of a model leave them in its state dict, and the names that were meant. */
import { UserError } from '../../src-shared/errors.ts';

/** Segments that only wrappers put into names, at any place: torch.compile, FSDP, activation checkpointing. */
const artefact = /(^|\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)(?=\.)/g;

/** First segments put before every name: DataParallel and AveragedModel; attributes of a LightningModule. */
const wrapperNames: ReadonlySet<string> = new Set(['module', 'model', 'net']);

const counter = /(?:^|\.)num_batches_tracked$/;
const bookkeeping =
  /(?:^|\.)(?:num_batches_tracked|n_averaged|_extra_state|num_updates|total_ops|total_params|global_step)$/;

/** Counters and the like, which training or a tool keeps beside the weights; no network's function depends on them. */
export const isBookkeeping = (name: string): boolean => bookkeeping.test(name);

export const isCounter = (name: string): boolean => counter.test(name);

export interface Unwrapped {
  /** Name in the file -> name without wrappers. */
  names: ReadonlyMap<string, string>;
  /** What was left off, as messages name it: `module._orig_mod.`; empty: nothing. */
  wrapper: string;
}

/**
 * The readings of the names of one file, from "as they stand" to "without any wrapper". A prefix counts as a wrapper only
 * if every name has it, save those of bookkeeping.
 */
export function unwrappings(stored: Iterable<string>): Unwrapped[] {
  let names = new Map([...stored].map((name) => [name, name]));
  const readings: Unwrapped[] = [{ names, wrapper: '' }];
  const add = (change: (name: string) => string): void => {
    names = new Map([...names].map(([inFile, name]) => [inFile, change(name)]));
    readings.push({ names, wrapper: leftOff(names) });
  };
  if ([...names.values()].some((name) => withoutArtefacts(name) !== name)) add(withoutArtefacts);
  for (;;) {
    const prefix = sharedPrefix(names.values());
    if (prefix === undefined) return readings;
    add((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name));
  }
}

/** Without any wrapper. @throws UserError naming two tensors that would have one name */
export function unwrapped(stored: Iterable<string>, file: string): Unwrapped {
  const reading = unwrappings(stored).at(-1)!;
  assertDistinct(reading.names, file);
  return reading;
}

/** The reading that finds most of the expected names; as the names stand, if leaving off nothing does as well. */
export function nearestReading(stored: Iterable<string>, expected: (name: string) => boolean): Unwrapped {
  const scored = unwrappings(stored).map((reading) => ({
    reading,
    known: [...reading.names.values()].filter(expected).length,
  }));
  return scored.reduce((a, b) => (b.known > a.known ? b : a)).reading;
}

/** @throws UserError naming two tensors that would have one name */
export function assertDistinct(names: ReadonlyMap<string, string>, file: string): void {
  const first = new Map<string, string>();
  for (const [inFile, name] of names) {
    const other = first.get(name);
    if (other !== undefined)
      throw new UserError(
        `${file}: the tensors "${other}" and "${inFile}" are both "${name}" once wrapper prefixes are removed.`,
        { hint: 'Save the state dict of one model: model.state_dict(), or model.module.state_dict().' },
      );
    first.set(name, inFile);
  }
}

function withoutArtefacts(name: string): string {
  return name
    .replace(artefact, '$1')
    .replace(/\.{2,}/g, '.')
    .replace(/^\./, '');
}

/** `module.` if it stands before the name of every weight. */
function sharedPrefix(names: Iterable<string>): string | undefined {
  let prefix: string | undefined;
  for (const name of names) {
    if (isBookkeeping(name)) continue;
    const dot = name.indexOf('.');
    const head = name.slice(0, dot);
    if (dot < 0 || !wrapperNames.has(head)) return undefined;
    if (prefix !== undefined && prefix !== `${head}.`) return undefined;
    prefix = `${head}.`;
  }
  return prefix;
}

function leftOff(names: ReadonlyMap<string, string>): string {
  const [example] = [...names].filter(([inFile, name]) => inFile !== name && !isBookkeeping(inFile));
  if (!example) return '';
  const [inFile, name] = example;
  return inFile.endsWith(name) ? inFile.slice(0, inFile.length - name.length) : '_orig_mod.';
}
