/** Presentation of the distance of function classes. */
import { functionClassesJob } from '../jobs/function-classes.ts';
import { rowsOf } from '../jobs/layer-measures.ts';
import { isMatrix } from '../matrix.ts';
import { shown } from '../shown.ts';
import { functionClassesFinding } from '../verdicts/identifiability.ts';
import { commonFacts, notesOf } from './identifiability.ts';
import { boxFigure, epochFigure, matrixFigure, namesOf } from './layer-figures.ts';
import { definePresenter, toldPlainly } from './present.ts';

const look = {
  valueLabel: 'distance',
  rowLabel: 'functions of neuron i',
  columnLabel: 'reached by neuron j',
  scale: 'signed-sqrt',
  colours: 'viridis',
} as const;

/** Entries off the diagonal, or on it. */
function entries(m: unknown, own: boolean): number[] {
  if (!isMatrix(m)) return [];
  return [...m.data].filter((_, p) => (Math.floor(p / m.columns) === p % m.columns) === own);
}

export const functionClasses = definePresenter(functionClassesJob, (result) => {
  const rows = rowsOf(result);
  const nameOf = namesOf(rows);
  const layers = rows.flatMap((row) => row.function_class_results);
  const first = rows[0]!;
  return {
    ...toldPlainly(functionClassesFinding(layers)),
    facts: [
      ...commonFacts(rows),
      ['Examples', String(first.samples)],
      ['Draws per pair', `${first.num_outer_loop_samples} (seed ${first.draw_seed})`],
      [
        'Descents',
        `Adam, ${first.num_inner_descent_iterations} steps, learning rate ${first.learning_rate}, weight decay ${first.weight_decay}`,
      ],
      ['Precision of the descents', first.precision],
    ],
    table: {
      columns: [
        'checkpoint',
        'layer',
        'neurons',
        'median distance',
        'least',
        'largest',
        'median from itself',
      ],
      rows: rows.flatMap((row) =>
        row.function_class_results.map(({ layer, neurons, others, own }) => [
          ...[nameOf(row), layer, neurons.length],
          ...[others.median, others.min, others.max, own.median].map(shown),
        ]),
      ),
    },
    figures: [
      ...matrixFigure('Distance of function classes', look, rows, (row) =>
        row.function_class_results.map((l) => ({ title: l.layer, matrix: l.distance })),
      ),
      ...boxFigure('Distances between neurons', 'distance', rows, (row) =>
        row.function_class_results.flatMap((l) => [
          { label: l.layer, values: entries(l.distance, false) },
          { label: `${l.layer}, itself`, values: entries(l.distance, true) },
        ]),
      ),
      ...epochFigure('Distance over training', 'median distance', rows, (row) =>
        row.function_class_results.map((l) => ({ layer: l.layer, value: l.others.median })),
      ),
    ],
    notes: [
      ...notesOf(rows),
      'Every neuron can compute its own functions: its distance from itself is what so many steps leave over.',
      'Of the checkpoint only the fixed parts of the neurons and the inputs of the layers matter: free weights are drawn again.',
    ],
  };
});
