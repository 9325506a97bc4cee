/** The names that filters have for what was measured of a run. */
import type { RunMeasures } from '../../src-shared/run-measures.ts';

export const measureKeys = ['test_accuracy', 'barrier', 'drop', 'aligned_barrier', 'aligned_drop'] as const;
export type MeasureKey = (typeof measureKeys)[number];

export function measureValue(key: MeasureKey, measures: RunMeasures | undefined): number | undefined {
  switch (key) {
    case 'test_accuracy':
      return measures?.test?.accuracy.mean;
    case 'barrier':
      return measures?.unaligned?.barrier?.mean;
    case 'drop':
      return measures?.unaligned?.drop?.mean;
    case 'aligned_barrier':
      return measures?.aligned?.barrier?.mean;
    case 'aligned_drop':
      return measures?.aligned?.drop?.mean;
  }
}
