/** Presentations of the symmetry laboratory's kinds (Zhao, Dehmami, Walters, Yu: arXiv 2505.23681). */
import { curvatureBoundJob } from '../jobs/curvature-bound.ts';
import { detectSymmetryJob } from '../jobs/detect-symmetry.ts';
import { linearComponentsJob } from '../jobs/linear-components.ts';
import { rescalingBarrierJob } from '../jobs/rescaling-barrier.ts';
import { skipConnectionsJob } from '../jobs/skip-connections.ts';
import { symmetryCurveJob } from '../jobs/symmetry-curve.ts';
import { weightDecayStudyJob } from '../jobs/weight-decay-study.ts';
import {
  curvatureBoundFinding,
  detectSymmetryFinding,
  linearComponentsFinding,
  rescalingFinding,
  skipConnectionsFinding,
  symmetryCurveFinding,
  weightDecayFinding,
  worstError,
} from '../verdicts/symmetry.ts';
import { shown } from '../shown.ts';
import { definePresenter, told } from './present.ts';

const signText = (signs: number[]) => signs.map((sign) => (sign > 0 ? '+' : '−')).join(' ');

export const linearComponents = definePresenter(linearComponentsJob, (r) => ({
  ...told(linearComponentsFinding(r)),
  facts: [
    ['Layers, width', `${r.layers}, ${r.width}`],
    ['Components found / expected', `${r.found} / ${r.expected}`],
    ['Classes are the determinant signs', r.classes_match_signs ? 'yes' : 'no'],
    ['Up to permuting hidden units', `${r.found_up_to_permutation} / ${r.expected_up_to_permutation}`],
    ['Highest loss on joining paths', `${shown(r.max_loss_on_paths_within)} of |Y|²`],
    ['Least singular value across classes', shown(r.min_singular_value_across)],
    ['Left out (no zero loss)', String(r.left_out.length)],
    ['Seed', String(r.seed)],
  ],
  table: {
    columns: ['signs of det W₁ … det W₍ₗ₋₁₎', 'networks'],
    rows: r.classes.map(({ signs, count, mixed }) => [
      mixed ? `${signText(signs)} (mixed)` : signText(signs),
      count,
    ]),
  },
  figures:
    r.singular_values.across.length === 0
      ? []
      : [
          {
            title: 'Least singular value of a layer along paths within and across classes',
            recipe: {
              kind: 'symmetry-curve',
              data: {
                valueLabel: 'least singular value',
                panels: [
                  {
                    series: [
                      ...r.singular_values.within.slice(0, 2).map(({ signs, values }) => ({
                        label: `within (${signText(signs)})`,
                        t: r.singular_values.t,
                        curves: [values],
                      })),
                      ...r.singular_values.across.slice(0, 2).map(({ from, to, values }) => ({
                        label: `from (${signText(from)}) to (${signText(to)})`,
                        t: r.singular_values.t,
                        curves: [values],
                      })),
                    ],
                  },
                ],
              },
            },
          },
        ],
  notes:
    r.left_out.length > 0 ? [`${r.left_out.length} starts did not reach zero loss and are not counted.`] : [],
}));

export const skipConnections = definePresenter(skipConnectionsJob, (r) => ({
  ...told(skipConnectionsFinding(r)),
  facts: [
    ['Width, skip ε', `${r.width}, ${shown(r.skip)}`],
    ['With skip: found / expected', `${r.with_skip.found} / ${r.with_skip.expected}`],
    ['Without skip: found / expected', `${r.without_skip.found} / ${r.without_skip.expected}`],
    [
      'Reached zero loss',
      `${r.with_skip.converged} and ${r.without_skip.converged} of ${r.with_skip.starts}`,
    ],
    ['Seed', String(r.seed)],
  ],
  figures: r.plane
    ? [
        {
          title: 'Solutions of w₃ (w₂ w₁ + ε) = c in the (w₁, w₂) plane',
          recipe: {
            kind: 'skip-plane',
            data: {
              xLabel: 'w₁',
              yLabel: 'w₂',
              series: [
                ...Array.from({ length: r.plane.components }, (_, component) => ({
                  label: `component ${component + 1}`,
                  points: r
                    .plane!.points.filter((p) => p.component === component)
                    .map((p): [number, number] => [p.w1, p.w2]),
                })).filter(({ points }) => points.length > 0),
                ...r.plane.boundary.map((points, i) => ({
                  label: i === 0 ? 'no solution: w₁ w₂ = −ε' : 'no solution, other branch',
                  points,
                  joined: true,
                })),
              ],
            },
          },
        },
      ]
    : [],
  notes: [],
}));

export const symmetryCurve = definePresenter(symmetryCurveJob, (r) => ({
  ...told(symmetryCurveFinding(r)),
  facts: [
    ['Path', r.path],
    [
      'Spread along the curve',
      `${shown(r.curve_spread)} (${shown(r.relative_spread)} of the line's maximum)`,
    ],
    ['Barrier of the straight line', shown(r.line_barrier)],
    ['Distance of the ends', shown(r.distance)],
    ['Length of the curve', shown(r.curve_length)],
    ['Seed', String(r.seed)],
  ],
  figures: [
    {
      title: 'Loss along the symmetry curve and along the straight line',
      recipe: {
        kind: 'symmetry-curve',
        data: {
          valueLabel: 'loss',
          panels: [
            {
              series: [
                { label: 'straight line', t: r.t, curves: [r.line_loss] },
                { label: 'symmetry curve', t: r.t, curves: [r.curve_loss] },
              ],
            },
          ],
        },
      },
    },
  ],
  notes: r.notes,
}));

export const rescalingBarrier = definePresenter(rescalingBarrierJob, (r) => {
  const grown = r.rows.filter((row) => row.factor > 1 && row.measured_loss > 0);
  const predicted = grown.every((row) => row.closed_form_loss !== null);
  return {
    ...told(rescalingFinding(r)),
    facts: [
      ['Loss of the ends', shown(r.base_loss)],
      ['Growth exponent', shown(r.growth_exponent)],
      ['Expected', shown(r.expected_exponent)],
      ['Largest relative error', predicted ? shown(worstError(r)) : 'no closed form'],
      ['Random factor per neuron', `loss ${shown(r.random.measured_loss)}`],
      ['Seed', String(r.seed)],
    ],
    table: {
      columns: ['factor c', 'measured loss', 'closed form', 'at λ', 'barrier'],
      rows: r.rows.map((row) => [
        shown(row.factor),
        shown(row.measured_loss),
        shown(row.closed_form_loss),
        shown(row.lambda),
        shown(row.barrier),
      ]),
    },
    figures:
      grown.length < 2
        ? []
        : [
            {
              title: 'Highest loss on the line over the rescaling factor',
              recipe: {
                kind: 'rescaling-barrier',
                data: {
                  series: [
                    {
                      label: 'measured',
                      x: grown.map((row) => row.factor),
                      curves: [grown.map((row) => row.measured_loss)],
                    },
                    ...(predicted
                      ? [
                          {
                            label: 'closed form',
                            x: grown.map((row) => row.factor),
                            curves: [grown.map((row) => row.closed_form_loss)],
                          },
                        ]
                      : []),
                  ],
                  ...(r.expected_exponent === null
                    ? {}
                    : { theorySlope: r.expected_exponent, fitRange: [100, 1e12] }),
                },
              },
            },
          ],
    notes: r.notes,
  };
});

export const detectSymmetry = definePresenter(detectSymmetryJob, (r) => ({
  ...told(detectSymmetryFinding(r)),
  facts: [
    ['Distance before / after', `${shown(r.residual_before)} / ${shown(r.residual_after)}`],
    ['Barrier before / after', `${shown(r.barrier_before)} / ${shown(r.barrier_after)}`],
    ['Loss of the ends', shown(r.end_loss)],
    ['Rescaling distance', shown(r.rescaling_distance)],
    ...(r.determinant_signs
      ? ([['Signs of det g', signText(r.determinant_signs)]] as [string, string][])
      : []),
    [
      'Same component, predicted / found',
      `${r.predicted_same_component ? 'yes' : 'no'} / ${r.path_found ? 'yes' : 'no'}`,
    ],
    ['Seed', String(r.seed)],
  ],
  figures: [
    {
      title: 'Loss on the straight line before and after the symmetry is removed',
      recipe: {
        kind: 'symmetry-curve',
        data: {
          valueLabel: 'loss',
          panels: [
            {
              series: [
                { label: 'before', t: r.lambda, curves: [r.line_before] },
                { label: 'after', t: r.lambda, curves: [r.line_after] },
              ],
            },
          ],
        },
      },
    },
  ],
  notes: r.notes,
}));

export const curvatureBound = definePresenter(curvatureBoundJob, (r) => ({
  ...told(curvatureBoundFinding(r)),
  facts: [
    ['Statement', r.constants.statement],
    ['Seed', String(r.seed)],
  ],
  table: {
    columns: [
      'size of log g',
      'length',
      'max curvature',
      'chord deviation',
      'its bound',
      'barrier bound',
      'measured barrier',
    ],
    rows: r.rows.map((row) => [
      shown(row.scale),
      shown(row.length),
      shown(row.max_curvature),
      shown(row.chord_deviation),
      shown(row.deviation_bound),
      shown(row.barrier_bound),
      shown(row.measured_barrier),
    ]),
  },
  figures: [
    {
      title: 'Bound and measured barrier over the size of log g',
      recipe: {
        kind: 'scatter',
        data: {
          correlation: false,
          panels: [
            {
              x: { label: 'size of log g', log: true },
              y: { label: 'barrier', log: true },
              series: [
                { label: 'bound', points: r.rows.map((row) => ({ x: row.scale, y: row.barrier_bound })) },
                {
                  label: 'measured',
                  points: r.rows
                    .filter((row) => row.measured_barrier > 0)
                    .map((row) => ({ x: row.scale, y: row.measured_barrier })),
                },
              ].filter(({ points }) => points.length > 0),
            },
          ],
        },
      },
    },
  ],
  notes: [],
}));

export const weightDecayStudy = definePresenter(weightDecayStudyJob, (r) => ({
  ...told(weightDecayFinding(r)),
  facts: [
    ['Imbalance at the start', shown(r.initial_imbalance)],
    ['Seed', String(r.seed)],
  ],
  table: {
    columns: [
      'optimizer',
      'decay',
      'loss',
      'imbalance',
      'rescaling distance',
      'residual',
      'barrier before',
      'barrier after',
    ],
    rows: r.rows.map((row) => [
      row.optimizer === 'sgd' ? 'SGD, L2' : 'AdamW',
      shown(row.decay),
      shown(row.loss),
      shown(row.imbalance),
      shown(row.rescaling_distance),
      shown(row.residual),
      shown(row.barrier_before),
      shown(row.barrier_after),
    ]),
  },
  figures: [
    {
      title: 'Balance of the layers and rescaling distance over weight decay',
      recipe: {
        kind: 'scatter',
        data: {
          correlation: false,
          panels: (['imbalance', 'rescaling_distance'] as const).map((quantity) => ({
            x: { label: 'weight decay', log: true },
            y: { label: quantity === 'imbalance' ? 'imbalance of layer norms' : 'rescaling distance' },
            series: (['sgd', 'adamw'] as const)
              .map((optimizer) => ({
                label: optimizer === 'sgd' ? 'SGD with L2' : 'AdamW',
                points: r.rows
                  .filter((row) => row.optimizer === optimizer && row.decay > 0)
                  .map((row) => ({ x: row.decay, y: row[quantity] })),
              }))
              .filter(({ points }) => points.length > 0),
          })),
        },
      },
    },
  ],
  notes: r.rows.some((row) => row.decay === 0)
    ? ['Decay 0 is in the table; a logarithmic axis cannot show it.']
    : [],
}));
