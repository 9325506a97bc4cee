/** The matrices inside results: found wherever they stand, named after what they are. */
import { matrixRefSchema, type MatrixRef } from '../../src-shared/api.ts';
import type { ValueScale } from '../../src-shared/figures/colour.ts';

export interface MatrixSource {
  /** Unique within the result. */
  id: string;
  resultId: string;
  ref: MatrixRef;
  /** `P_0, models 1–2` */
  title: string;
  /** What an entry is: the label of the colour bar. */
  valueLabel: string;
  rowLabel: string;
  columnLabel: string;
  scale: ValueScale;
  /** Matrices of one family share a colour scale and stand beside each other. */
  family: string;
  /** Column assigned to each row, where the result holds one. */
  assignment?: number[];
  /** The values of the objective: matched and unmatched. */
  objective?: { optimal: number; identity: number; randomMean?: number };
}

type Plain = Record<string, unknown>;
const isPlain = (value: unknown): value is Plain =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

interface Walked {
  ref: MatrixRef;
  /** Objects from the outermost to the one that holds the matrix. */
  holders: Plain[];
  key: string;
  path: string;
}

function* walk(value: unknown, holders: Plain[], key: string, path: string): Generator<Walked> {
  const ref = matrixRefSchema.safeParse(value);
  if (ref.success && isPlain(value) && '$matrix' in value) yield { ref: ref.data, holders, key, path };
  else if (Array.isArray(value))
    for (const [i, item] of value.entries()) yield* walk(item, holders, key, `${path}/${i}`);
  else if (isPlain(value)) {
    for (const [name, item] of Object.entries(value))
      yield* walk(item, [...holders, value], name, `${path}/${name}`);
  }
}

/** The nearest value of this name around the matrix. */
function near(holders: Plain[], name: string): unknown {
  return holders.findLast((holder) => name in holder)?.[name];
}

interface Look {
  name: string;
  valueLabel: string;
  rowLabel: string;
  columnLabel: string;
  scale: ValueScale;
}

const looks: Record<string, Look> = {
  similarity: {
    name: 'similarity',
    valueLabel: 'similarity',
    rowLabel: 'neuron of the first model',
    columnLabel: 'neuron of the second model',
    scale: 'linear',
  },
  mahalanobis_distance_squared: {
    name: 'realization cost',
    valueLabel: 'realization cost (Mahalanobis, squared)',
    rowLabel: 'slot i',
    columnLabel: 'realises neuron j',
    scale: 'signed-sqrt',
  },
  transposition_cost_squared: {
    name: 'swap cost',
    valueLabel: 'swap cost, signed root',
    rowLabel: 'neuron i',
    columnLabel: 'neuron j',
    scale: 'signed-sqrt',
  },
  ridge_cost: {
    name: 'ridge cost',
    valueLabel: 'realization cost (ridge objective)',
    rowLabel: 'slot i',
    columnLabel: 'realises neuron j',
    scale: 'signed-sqrt',
  },
  proj_center_distances: {
    name: 'center distance',
    valueLabel: 'distance of projection centers',
    rowLabel: 'neuron i',
    columnLabel: 'neuron j',
    scale: 'linear',
  },
};

export function findMatrices(resultId: string, data: unknown): MatrixSource[] {
  return [...walk(data, [], 'matrix', '')].map(({ ref, holders, key, path }) => {
    const look = looks[key] ?? {
      name: key.replaceAll('_', ' '),
      valueLabel: key.replaceAll('_', ' '),
      rowLabel: 'row',
      columnLabel: 'column',
      scale: 'linear' as const,
    };
    const source: MatrixSource = {
      id: path,
      resultId,
      ref,
      title: titleOf(holders, look.name),
      valueLabel: look.valueLabel,
      rowLabel: look.rowLabel,
      columnLabel: look.columnLabel,
      scale: look.scale,
      family: key,
    };
    const holder = holders.at(-1) ?? {};
    const permutations = holder.permutations;
    const optimal = isPlain(permutations) ? permutations.optimal : undefined;
    if (Array.isArray(optimal) && optimal.length === ref.rows) source.assignment = optimal.map(Number);
    const objectives = holder.objectives;
    if (
      isPlain(objectives) &&
      typeof objectives.optimal === 'number' &&
      typeof objectives.identity === 'number'
    ) {
      source.objective = { optimal: objectives.optimal, identity: objectives.identity };
      if (typeof objectives.random_mean === 'number') source.objective.randomMean = objectives.random_mean;
    }
    return source;
  });
}

function titleOf(holders: Plain[], name: string): string {
  const one = near(holders, 'model1_index');
  const two = near(holders, 'model2_index');
  const model = near(holders, 'model_index');
  const parts = [
    near(holders, 'layer'),
    name,
    typeof near(holders, 'beta') === 'number' ? `β = ${String(near(holders, 'beta'))}` : undefined,
    near(holders, 'matching_mode')?.toString().replaceAll('_', ' '),
    typeof one === 'number' && typeof two === 'number' ? `models ${one}–${two}` : undefined,
    typeof model === 'number' ? `model ${model}` : undefined,
    typeof near(holders, 'epoch') === 'number' ? `epoch ${String(near(holders, 'epoch'))}` : undefined,
  ];
  return parts.filter((part) => part !== undefined && part !== null).join(', ');
}
