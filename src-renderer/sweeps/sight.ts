import type { Selection } from './cells.ts';

/** What is seen of a sweep; kept in the address. */
export interface SweepSight {
  /** Setting along x; empty: the first that has numbers. */
  over: string;
  /** Measure that is drawn; empty: the first there is. */
  metric: string;
  log: boolean;
  /** Settings that are averaged over; `*`: seeds. */
  pool: string[];
  /** Setting by which the runs are grouped; empty: none; `*`: the first, if several are varied. */
  group: string;
  only: Selection;
}
