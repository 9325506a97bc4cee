/** The section `model` of the config that a recognised state dict gets, with what only the person can say. */
import { symmetryFamilies } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { adoptJob } from '../../../src-shared/jobs/adopt.ts';
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type { LazyTensor } from '../../formats/tensor.ts';
import { maskParamsOf } from './fixed-scale.ts';
import { declareHint } from './foreign.ts';
import type { MlpFound } from './state-dicts.ts';

type Params = ParamsOf<typeof adoptJob>;

/** The model's half of a config.yaml. */
export interface AdoptedModel {
  model: Record<string, unknown>;
  notes: string[];
}

/** Why no run can be made of such a network, or undefined. */
export function unsupported({ family, widths, elementwiseAffine }: MlpFound): string | undefined {
  const hidden = widths.slice(1, -1);
  if (hidden.length === 0) return 'it has one linear layer only, and so no hidden neurons to compare';
  if (!isTapered(widths)) return undefined;
  if (family !== 'standard')
    return `hidden layers of ${hidden.join(', ')} units; ${family} networks have one width for all`;
  return elementwiseAffine
    ? undefined
    : `hidden layers of ${hidden.join(', ')} units with norms that have no weight; a config cannot express both`;
}

/** What the command needs beside the files: `--activation`, and more where names leave something open. */
export function neededFlags({ family, normsTold }: MlpFound): string[] {
  return [
    ...(family === 'sigma-asymmetric' ? [] : ['--activation']),
    ...(family === 'syre' ? ['--sigma-f'] : []),
    ...(normsTold ? [] : ['--norm-position']),
  ];
}

const isTapered = (widths: readonly number[]): boolean =>
  widths.slice(1, -1).some((width) => width !== widths[1]);

/**
 * @param tensors under Basin's names
 * @throws UserError for a network that no config describes, and for params that are missing or have no effect
 */
export function modelOf(
  params: Params,
  found: MlpFound,
  tensors: ReadonlyMap<string, LazyTensor>,
  path: string,
): AdoptedModel {
  const { family, widths, norm, elementwiseAffine } = found;
  const problem = unsupported(found);
  if (problem !== undefined) throw new UserError(`${path}: ${problem}.`);
  const activation = activationOf(params, found, path);
  checkNormPosition(params, found, path);
  const layers = widths.length - 1;
  const asymmetric = family === 'w-asymmetric' || family === 'syre' ? family : undefined;
  if (!asymmetric && params.sigmaF !== undefined)
    throw new UserError(`sigmaF: ${path} holds a ${family} network, which has no fixed weight scale.`, {
      hint: 'Remove --sigma-f.',
    });
  const notes = [...found.notes];
  const sizes = { input_dim: widths[0], output_dim: widths.at(-1), num_layers: layers };
  const shownNorm = norm === 'none' ? null : norm;
  if (isTapered(widths)) {
    const each = widths
      .slice(1)
      .map((outputs, i) => (i === layers - 1 ? { outputs } : { outputs, norm: shownNorm, activation }));
    notes.push(
      'Its hidden layers differ in width; config.yaml lists them one by one, which the published scripts do not read.',
    );
    return { model: { name: 'mlp_chain', symmetry: 0, ...sizes, layers: each }, notes };
  }
  const maskParams =
    asymmetric && maskParamsOf({ family: asymmetric, tensors, layers, path }, params.sigmaF, notes);
  return {
    model: {
      ...{ name: 'mlp_mnist', ...sizes, hidden_dim: widths[1] },
      ...{ n_mul: 1, norm: shownNorm, elementwise_affine: elementwiseAffine },
      ...(activation !== undefined && { activation }),
      symmetry: symmetryFamilies.findIndex((name) => name === family),
      ...(maskParams && { mask_params: maskParams }),
    },
    notes,
  };
}

function activationOf({ activation }: Params, { family }: MlpFound, path: string): Params['activation'] {
  if (family === 'sigma-asymmetric') {
    if (activation === undefined) return undefined;
    throw new UserError(
      `activation: ${path} holds the gates of a sigma-asymmetric network, which are its activation.`,
      {
        hint: 'Remove --activation.',
      },
    );
  }
  if (activation !== undefined) return activation;
  throw new UserError(`activation: ${path} does not say which activation its ${family} network has.`, {
    hint: 'Give --activation; asymmetric-networks and neuron-identifiability use gelu.',
  });
}

function checkNormPosition({ normPosition }: Params, found: MlpFound, path: string): void {
  if (normPosition === 'after-activation')
    throw new UserError(
      `normPosition: a network whose norms come after the activation must be declared, layer by layer.`,
      { hint: declareHint },
    );
  if (normPosition !== undefined && found.norm === 'none')
    throw new UserError(`normPosition: ${path} has no norms.`, { hint: 'Remove --norm-position.' });
  if (found.normsTold || normPosition !== undefined) return;
  const example = found.layers.find(({ norm }) => norm !== undefined)!;
  throw new UserError(
    `${path}: its names do not say whether norms come before activations: "${example.norm}" may come before or after the activation of "${example.linear}".`,
    {
      hint: 'Look at forward(). If it is linear layer, norm, activation: --norm-position before-activation. If the norms come after the activation, declare the network in a small file: --architecture FILE (docs/architectures.md).',
    },
  );
}
