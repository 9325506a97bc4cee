/** The matrices inside results: found wherever they stand, named after what they are. */
import { matrixRefSchema, type MatrixRef } from '../../src-shared/api.ts';
import type { ColourMap, ValueScale } from '../../src-shared/figures/colour.ts';
import type { Facets } from './facets.ts';
import { isPlain, near, placeOf, runDirectoryOf, type NeuronPlace, type Plain } from './place.ts';

export interface MatrixSource {
  /** Unique within the result. */
  id: string;
  resultId: string;
  ref: MatrixRef;
  /** `P_0, models 1–2` */
  title: string;
  /** `swap cost`, `similarity` */
  kindName: string;
  /** What an entry is: the label of the colour bar. */
  valueLabel: string;
  rowLabel: string;
  columnLabel: string;
  /** The same with the models that the neurons are of: `model 1, neuron i`. */
  rowAxis: string;
  columnAxis: string;
  scale: ValueScale;
  /** A quantity has one colour map, wherever it is shown. */
  map: ColourMap | 'auto';
  /** Matrices of one family share a colour scale and stand beside each other. */
  family: string;
  /** Column assigned to each row, where the result holds one. */
  assignment?: number[];
  /** What it is the matrix of: by these matrices are laid out beside each other. */
  facets: Facets;
  /** Where its neurons are; absent where the result does not say. */
  place?: NeuronPlace;
  /** Rows and columns stand for these neurons; absent: for all, in their order. */
  neurons?: number[];
  /** The values of the objective: matched and unmatched. */
  objective?: { optimal: number; identity: number; randomMean?: number };
}

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

interface Look {
  name: string;
  valueLabel: string;
  rowLabel: string;
  columnLabel: string;
  scale: ValueScale;
  map: ColourMap | 'auto';
}

/** Signed quantities have white at zero; costs and distances go from dark to bright. */
const looks: Record<string, Look> = {
  similarity: {
    name: 'similarity',
    valueLabel: 'similarity',
    rowLabel: 'neuron of the first model',
    columnLabel: 'neuron of the second model',
    scale: 'linear',
    map: 'diverging',
  },
  mahalanobis_distance_squared: {
    name: 'realization cost',
    valueLabel: 'realization cost (Mahalanobis, squared)',
    rowLabel: 'slot i',
    columnLabel: 'realises neuron j',
    scale: 'signed-sqrt',
    map: 'viridis',
  },
  transposition_cost_squared: {
    name: 'swap cost',
    valueLabel: 'swap cost',
    rowLabel: 'neuron i',
    columnLabel: 'neuron j',
    scale: 'signed-sqrt',
    map: 'diverging',
  },
  ridge_cost: {
    name: 'ridge cost',
    valueLabel: 'realization cost (ridge objective)',
    rowLabel: 'slot i',
    columnLabel: 'realises neuron j',
    scale: 'signed-sqrt',
    map: 'viridis',
  },
  proj_center_distances: {
    name: 'center distance',
    valueLabel: 'distance of projection centers',
    rowLabel: 'neuron i',
    columnLabel: 'neuron j',
    scale: 'linear',
    map: 'viridis',
  },
  ntk_matrix: {
    name: 'tangent kernel',
    valueLabel: 'neural tangent kernel',
    rowLabel: 'example i',
    columnLabel: 'example j',
    scale: 'linear',
    map: 'diverging',
  },
};

/** What the catalog knows of a run. */
export interface RunFacts {
  name: string;
  sigmaF: number | null;
  /** Dimension of the subspace that its data were made on. */
  k: number | null;
}

/**
 * @param params those of the result's job
 * @param runOf what is known of the run in a folder
 */
export function findMatrices(
  resultId: string,
  data: unknown,
  params: unknown = {},
  runOf: (path: string) => RunFacts | undefined = () => undefined,
): MatrixSource[] {
  return [...walk(data, [], 'matrix', '')].map(({ ref, holders, key, path }) => {
    const look = looks[key] ?? {
      name: key.replaceAll('_', ' '),
      valueLabel: key.replaceAll('_', ' '),
      rowLabel: 'row',
      columnLabel: 'column',
      scale: 'linear' as const,
      map: 'auto' as const,
    };
    const source: MatrixSource = {
      id: path,
      resultId,
      ref,
      title: titleOf(holders, look.name),
      kindName: look.name,
      valueLabel: look.valueLabel,
      rowLabel: look.rowLabel,
      columnLabel: look.columnLabel,
      ...axesOf(holders, look),
      scale: look.scale,
      map: look.map,
      family: key,
      facets: facetsOf(holders, runOf),
    };
    const holder = holders.at(-1) ?? {};
    const place = placeOf(holders, params);
    if (place) source.place = place;
    if (Array.isArray(holder.neurons) && holder.neurons.length === ref.rows)
      source.neurons = holder.neurons.map(Number);
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

/** Which model's neurons lie along each axis. */
function axesOf(holders: Plain[], { rowLabel, columnLabel }: Look): { rowAxis: string; columnAxis: string } {
  const [one, two] = [near(holders, 'model1_index'), near(holders, 'model2_index')];
  const own = near(holders, 'model_index');
  const named = (label: string, model: unknown): string =>
    typeof model === 'number' ? `model ${model}, ${label}` : label;
  if (typeof one === 'number' && typeof two === 'number')
    return { rowAxis: `model ${one}, neuron i`, columnAxis: `model ${two}, neuron j` };
  return { rowAxis: named(rowLabel, own), columnAxis: named(columnLabel, own) };
}

function facetsOf(holders: Plain[], runOf: (path: string) => RunFacts | undefined): Facets {
  const numberNear = (name: string): number | null => {
    const value = near(holders, name);
    return typeof value === 'number' ? value : null;
  };
  const textNear = (name: string): string | null => {
    const value = near(holders, name);
    return typeof value === 'string' ? value : null;
  };
  const directory = runDirectoryOf(holders);
  const run = directory === undefined ? undefined : runOf(directory);
  const beta = numberNear('beta');
  const variant = [
    textNear('matching_mode')?.replaceAll('_', ' '),
    textNear('correlation_mode')?.replaceAll('_', ' '),
    beta === null ? undefined : `β = ${beta}`,
  ].filter((part) => part !== undefined);
  const [one, two] = [numberNear('model1_index'), numberNear('model2_index')];
  return {
    layer: textNear('layer'),
    sigmaF: run?.sigmaF ?? numberNear('sigma_f'),
    k: run?.k ?? null,
    epoch: numberNear('epoch'),
    model: one !== null && two !== null ? `${one}–${two}` : numberNear('model_index'),
    run: run?.name ?? textNear('run_key') ?? directory ?? null,
    variant: variant.length === 0 ? null : variant.join(', '),
  };
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
