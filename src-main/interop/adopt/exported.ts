/** A run around a network that PyTorch exported (.pt2): its graph becomes the config, its weights or other files the models. */
import { exportedSection } from '../../../src-shared/config/exported.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { adoptJob } from '../../../src-shared/jobs/adopt.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { DeclaredSpec } from '../../../src-shared/model.ts';
import type { Graph } from '../../../src-shared/networks/graph.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { countsOf } from '../../../src-shared/networks/counts.ts';
import { checkpointCancel } from '../../compute/context.ts';
import type { ComputeContext } from '../../compute/context.ts';
import { usableState } from '../../compute/load-models.ts';
import { checkedPlaces, describe, withTied } from '../../compute/models/state-dict.ts';
import type { StateDict } from '../../compute/models/tensors.ts';
import { tryNetwork } from '../../compute/networks/try-network.ts';
import { openExported } from '../../formats/exported/open-exported.ts';
import type { ExportedFile } from '../../formats/exported/open-exported.ts';
import type { LazyTensor } from '../../formats/tensor.ts';
import { lowerExported } from '../exported/lower.ts';
import { openWeights } from './state-dict-files.ts';
import type { Weights } from './state-dict-files.ts';
import { alone, fileNotes, writeRun } from './write-run.ts';
import type { Source } from './write-run.ts';

type Params = ParamsOf<typeof adoptJob>;
type Result = ResultOf<typeof adoptJob>;

/** The folder is made only after every file was found to be usable, and the network was tried with the first model. */
export async function adoptExported(params: Params, path: string, context: ComputeContext): Promise<Result> {
  const file = openExported(path);
  const sources: Source[] = [];
  try {
    const { graph, tied, notes } = lowerExported(file, params.output);
    const spec: DeclaredSpec = { architecture: 'declared', graph, exported: { tied } };
    const network = readNetwork(graph, path);
    if (graph.parameters.every(({ packed }) => packed !== undefined))
      throw new UserError(`${path}: the network has no parameters, so there is nothing to compare or train.`);
    const weights = params.paths.length > 0 ? params.paths : [path];
    for (const each of weights) {
      await checkpointCancel(context);
      sources.push(sourceOf(each === path ? ownWeights(file) : openWeights(each), spec, each));
    }
    const [first] = sources as [Source];
    const tried = tryNetwork(await context.backend(), network, stateOf(first, spec), path);
    for (const other of sources.slice(1)) stateOf(other, spec);
    const written = await writeRun(params, { model: exportedSection(spec) }, sources, context);
    return {
      ...{ ...written, layers: [], operations: [] },
      architecture: `${describe(spec)}, ${countsOf(graph).trained} trained numbers`,
      notes: [
        `One example is [${graph.inputs[0]!.shape.join(', ')}]; its output is [${tried.output.join(', ')}].`,
        ...notes,
        ...modeNotes(network),
        ...fileNotes(sources),
      ],
    };
  } finally {
    file.close();
    for (const { weights } of sources) weights.close();
  }
}

/**
 * An exported network by itself, with the weights in its file.
 * @throws UserError as adopting it
 */
export function exportedModel(path: string, output?: number): { graph: Graph; state: StateDict } {
  const file = openExported(path);
  try {
    const { graph, tied } = lowerExported(file, output);
    const spec: DeclaredSpec = { architecture: 'declared', graph, exported: { tied } };
    return { graph, state: stateOf(sourceOf(ownWeights(file), spec, path), spec) };
  } finally {
    file.close();
  }
}

/** The weights in the file itself. */
const ownWeights = (file: ExportedFile): Weights => ({
  tensors: new Map([...file.weights].map(([name, { tensor }]) => [name, tensor])),
  epoch: undefined,
  form: 'an exported network',
  notes: [],
  close: () => undefined,
});

const stateOf = ({ tensors, path }: Source, spec: DeclaredSpec): StateDict =>
  usableState(tensors, spec, alone(path));

/** Every key of the state dict, those of one tensor too, as load_state_dict(strict=True) wants them. */
function sourceOf(weights: Weights, spec: DeclaredSpec, path: string): Source {
  const places = checkedPlaces<LazyTensor>(weights.tensors, spec, path);
  const missing = spec.graph.parameters.find(({ name, packed }) => packed === undefined && !places.has(name));
  if (missing) throw new UserError(`${path}: there is no tensor "${missing.name}", which the network has.`);
  const tensors = withTied(
    new Map(
      spec.graph.parameters.flatMap(({ name }) =>
        places.has(name) ? [[name, places.get(name)!] as const] : [],
      ),
    ),
    spec,
  );
  const trained = new Set(
    spec.graph.parameters.flatMap(({ name, role }) => (role === 'trained' ? [name] : [])),
  );
  return { path, weights, tensors, trainable: [...tensors.keys()].filter((name) => trained.has(name)) };
}

/** What happens here and not in the file, whatever the mode in which it was exported. */
function modeNotes({ nodes }: Network): string[] {
  const isBatchNorm = nodes.some(
    ({ op, attributes }) => op === 'norm' && (attributes as { kind: string }).kind === 'batch',
  );
  return [
    ...(isBatchNorm
      ? [
          'Batch norms go by their running statistics in evaluation and by the batch in training, whatever the mode of the export.',
        ]
      : []),
    ...(nodes.some(({ op }) => op === 'dropout')
      ? ['Dropout acts while Basin trains and not in evaluation, whatever the mode of the export.']
      : []),
  ];
}
