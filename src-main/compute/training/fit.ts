/** Whether a data set fits the network that a config describes. */
import { UserError } from '../../../src-shared/errors.ts';
import { shapeText } from '../../../src-shared/images.ts';
import { gnnWidths, isExportedSpec } from '../../../src-shared/model.ts';
import type { TrainableSpec } from '../../../src-shared/model.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { trainedGraphOf } from '../../../src-shared/networks/of-model.ts';
import { objectiveMismatch, targetsOf, targetsText } from '../../../src-shared/objective.ts';
import { requireImages } from '../data/augment.ts';
import { countOf, requireTokens, splitExamples } from '../data/index.ts';
import type { Dataset, SplitIndices } from '../data/index.ts';
import { balancedSample, firstSample, kernelSampleSeed } from '../ntk/sample.ts';
import { checkBatches } from './plan.ts';
import type { TrainingPlan } from './plan.ts';

/** @throws UserError naming the key of the config that does not fit, and what would */
export function checkFit(plan: TrainingPlan, dataset: Dataset, split: SplitIndices): void {
  const { input, classes, keys } = sizesOf(plan.spec);
  checkTargets(plan, dataset);
  if (isExportedSpec(plan.spec)) checkExported({ input, classes }, dataset);
  checkGraph(plan.spec, dataset);
  checkInput(input, keys.input, dataset);
  if (classes < dataset.classes) {
    throw new UserError(
      `config: model.${keys.classes} is ${classes}, but ${dataset.name} has ${dataset.classes} classes.`,
      { hint: `Set model.${keys.classes}=${dataset.classes}.` },
    );
  }
  if (plan.augmentation) requireImages(dataset.train, dataset.name);
  checkBatches(plan, split.train.length);
  checkTracked(plan, dataset, split);
  if (!plan.earlyStopping || split.val.length > 0) return;
  throw new UserError('training.early_stopping is enabled, but no examples are set aside for validation.', {
    hint: dataset.nodes
      ? 'It watches the validation loss: let the split of the graph have nodes for it.'
      : 'It watches the validation loss: set dataset.val_split above 0.',
  });
}

/** So that nothing is refused once the run has begun. */
function checkTracked({ tracking }: TrainingPlan, dataset: Dataset, split: SplitIndices): void {
  const { functional, ntk } = tracking ?? {};
  if (functional?.splits.every((which) => countOf(dataset, split, which) === 0) === true)
    throw new UserError(
      `training.functional_similarity.splits: the run has no examples in ${functional.splits.join(', ')}.`,
      { hint: 'Name another split, or set dataset.val_split above 0.' },
    );
  if (!ntk) return;
  const { count, labels } = splitExamples(dataset, split, ntk.split);
  try {
    if (ntk.classBalanced) balancedSample(labels, ntk.samples, kernelSampleSeed);
    else firstSample(count, ntk.samples);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`training.ntk_tracking.num_samples is too large: ${error.message}`, {
      hint: 'Lower it, choose another training.ntk_tracking.split, or set training.ntk_tracking.class_balanced=false.',
      cause: error,
    });
  }
}

function checkGraph({ architecture }: TrainableSpec, { name, nodes }: Dataset): void {
  if ((architecture === 'gnn') === (nodes !== undefined)) return;
  throw nodes
    ? new UserError(
        `examples of ${name} are the nodes of a graph, which only graph networks can be trained on.`,
        {
          hint: 'Choose a preset of a graph network (gnn-small), or another data set.',
        },
      )
    : new UserError(`config: model.name: a graph network is trained on a graph; ${name} has no edges.`, {
        hint: 'Set dataset=block-model, or dataset.name=arxiv or graph with --data-dir.',
      });
}

/** What the network gives, and what is learnt from the data. @throws UserError if they do not fit */
function checkTargets({ spec, objective }: TrainingPlan, dataset: Dataset): void {
  const network = readNetwork(trainedGraphOf(spec));
  const { name, train } = dataset;
  const mismatch = objectiveMismatch(network.shapes.get(network.graph.output)!, objective);
  if (mismatch !== undefined)
    throw new UserError(`config: ${name}: ${mismatch}`, {
      hint: 'Choose data that fit it (dataset=NAME), or export the network for these. It can be evaluated: basin run evaluate.',
    });
  const [wanted, found] = [targetsText(targetsOf(objective)), targetsText(train.targets)];
  if (wanted !== found)
    throw new UserError(
      `config: the network is for examples with ${wanted}; those of ${name} have ${found}.`,
      {
        hint: 'Choose data that fit it (dataset=NAME), or export the network for these.',
      },
    );
  requireTokens(network, dataset, 'config: the networks');
}

/** Sizes of an exported network are as they are; the data have to fit them. */
function checkExported(
  { input, classes }: { input: readonly number[]; classes: number },
  dataset: Dataset,
): void {
  const { name, train } = dataset;
  const { features, shape, targets } = train;
  const own = shape ?? [features];
  const fits = input.join() === own.join() || (input.length === 1 && input[0] === features);
  if (fits && classes >= dataset.classes) return;
  const [knows, has] =
    targets?.kind === 'tokens'
      ? [`gives logits for ${classes} tokens`, `with tokens from 0 to ${dataset.classes - 1} to predict`]
      : [`tells ${classes} classes apart`, `of ${dataset.classes} classes`];
  throw new UserError(
    `config: the exported network takes [${input.join(', ')}] and ${knows}; examples of ${name} are [${own.join(', ')}] ${has}.`,
    { hint: 'Choose data that fit it (dataset=NAME), or export the network for these.' },
  );
}

/** @param input the shape of one example, [channels, height, width] of images */
function checkInput(input: readonly number[], key: string, { name, train }: Dataset): void {
  const { features, shape } = train;
  if (input.length === 1) {
    if (input[0] === features) return;
    throw new UserError(
      `config: model.${key} is ${input[0]}, but examples of ${name} have ${features} numbers.`,
      { hint: `Set model.${key}=${features}.` },
    );
  }
  if (shape && shape.join() === input.join()) return;
  const asked = `config: model.${key} is [${input.join(', ')}]`;
  if (!shape)
    throw new UserError(`${asked}, but examples of ${name} are rows of ${features} numbers, not images.`, {
      hint: 'Choose a data set of images, or a multilayer perceptron.',
    });
  throw new UserError(`${asked}, but examples of ${name} are images of ${shapeText(shape)}.`, {
    hint: `Set model.${key}=[${shape.join(', ')}].`,
  });
}

/** The sizes of a network's input and output, and the keys of the config that say so. */
function sizesOf(spec: TrainableSpec) {
  if (spec.architecture === 'resnet') {
    const { input, classes } = spec;
    return { input, classes, keys: { input: 'input_shape', classes: 'num_classes' } };
  }
  if (spec.architecture === 'gnn') {
    const widths = gnnWidths(spec);
    const keys = { input: 'in_channels', classes: 'out_channels' };
    return { input: [widths[0]!], classes: widths.at(-1)!, keys };
  }
  if (spec.architecture === 'declared') {
    const { inputs, output, nodes } = spec.graph;
    const { shape } = nodes.find(({ id }) => id === output)!.attributes as { shape: number[] };
    return {
      input: inputs[0]!.shape,
      classes: shape.at(-1) ?? 1,
      keys: { input: 'network', classes: 'network' },
    };
  }
  const { layers } = spec;
  const keys = { input: 'input_dim', classes: 'output_dim' };
  return { input: [layers[0]!.inputs], classes: layers.at(-1)!.outputs, keys };
}
