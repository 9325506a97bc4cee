/** What is said of residual networks of which there may be only one pair: single numbers, by plain thresholds. */
import { allFinite } from './rules.ts';
import type { Clear } from './rules.ts';

/** Percent of the better end's accuracy. Between the two it is neither. */
const most = 60;
const little = 40;

/** Percentage points by which an alignment has to take the loss down. */
const clearly = 5;

/** Is most of the accuracy lost between two networks? @param lost percent of the better end's accuracy */
export function losesMost(lost: number): Clear {
  if (!allFinite([lost])) return 'not clear';
  if (lost >= most) return 'yes';
  return lost <= little ? 'no' : 'not clear';
}

/** Is most of it kept? */
export function keepsMost(lost: number): Clear {
  if (!allFinite([lost])) return 'not clear';
  if (lost <= little) return 'yes';
  return lost >= most ? 'no' : 'not clear';
}

/** Does aligning take back a part of what is lost? */
export function repairs(unaligned: number, aligned: number): Clear {
  if (!allFinite([unaligned, aligned])) return 'not clear';
  if (aligned <= unaligned - clearly) return 'yes';
  return aligned >= unaligned ? 'no' : 'not clear';
}
