/** What a size of an experiment trains and measures, and what that takes: said before it starts, or alone (`--dry-run`). */
import { duration } from '../progress-line.ts';
import type { ExperimentPlan } from './experiment.ts';

const day = 86_400;

/** `8 min`, `3 days`, `2.0 years`: as exact as an estimate can be. */
export function longTime(seconds: number): string {
  const years = seconds / (365 * day);
  if (years >= 1) return `${years.toPrecision(2)} years`;
  if (seconds >= 2 * day) return `${Math.round(seconds / day)} days`;
  if (seconds >= 2 * 3600) return `${Math.round(seconds / 3600)} hours`;
  return seconds < 120 ? duration(seconds) : `${Math.round(seconds / 60)} min`;
}

export const memoryText = (mebibytes: number): string =>
  mebibytes < 1024 ? `${mebibytes} MiB` : `${(mebibytes / 1024).toPrecision(2)} GiB`;

/** `about 2 min on two idle cores (measured), up to 900 MiB`. */
export const takes = ({ seconds, memoryMiB, known }: ExperimentPlan): string =>
  `about ${longTime(seconds)} on two idle cores (${known}), up to ${memoryText(memoryMiB)} of memory`;

/** The plan in sentences. */
export function planText(plan: ExperimentPlan): string {
  const sentences = [`${plan.setting}.`, `Expected: ${takes(plan)}.`];
  if (plan.remark !== undefined) sentences.push(plan.remark);
  return sentences.join(' ');
}
