/** The fixed weight scale sigma_F of asymmetric layers, where their weights hold it. */
import { UserError } from '../../../src-shared/errors.ts';
import type { LazyTensor } from '../../formats/tensor.ts';

interface Asked {
  family: 'w-asymmetric' | 'syre';
  tensors: ReadonlyMap<string, LazyTensor>;
  layers: number;
  path: string;
}

/**
 * The section `mask_params` of a config.
 * @param given one scale for all layers or one each; undefined: read off the weights
 * @param notes where each scale comes from is added to it
 * @throws UserError if the weights do not tell it
 */
export function maskParamsOf(
  { family, tensors, layers, path }: Asked,
  given: readonly number[] | undefined,
  notes: string[],
): Record<string, unknown> {
  if (given && given.length !== 1 && given.length !== layers)
    throw new UserError(`sigmaF: ${given.length} numbers for ${layers} layers; give one, or one for each.`);
  const entries = Array.from({ length: layers }, (_, i) => {
    const wanted = given?.[given.length === 1 ? 0 : i];
    const masked = family === 'w-asymmetric' ? fixedEntries(tensors, i) : undefined;
    if (wanted === undefined) notes.push(readOff(masked?.sigma, i, path));
    else if (masked?.sigma !== undefined && Math.abs(masked.sigma - wanted) > 0.05 * Math.abs(wanted) + 1e-6)
      notes.push(
        `lins.${i}: the masked entries of its weight hold ${masked.sigma} times the fixed draw; the given scale ${wanted} is used.`,
      );
    const sigma = wanted ?? masked!.sigma;
    return [`linear_mask_params_${i}`, { mask_constant: sigma, num_fixed: masked?.perRow ?? 0 }] as const;
  });
  const first = entries[0]![1];
  return {
    default: { ...first, mask_type: 'random_subsets', do_normal_mask: true },
    ...Object.fromEntries(entries),
  };
}

/** @throws UserError if the scale is not told, or hardly the one that was set */
function readOff(sigma: number | undefined, layer: number, path: string): string {
  const hint = 'Give --sigma-f, as in the config or script of the training run (mask_constant).';
  if (sigma === undefined)
    throw new UserError(`sigmaF: ${path} does not hold the fixed weight scale of lins.${layer}.`, { hint });
  if (sigma !== Number(sigma.toPrecision(3)))
    throw new UserError(
      `sigmaF: ${path}: the masked entries of lins.${layer} hold ${sigma} times the fixed draw, an unlikely setting: weight decay has shrunk them.`,
      { hint },
    );
  return `lins.${layer}: fixed weight scale ${sigma}, inferred from the masked entries of its weight.`;
}

/**
 * asymmetric-networks writes mask_constant * normal_mask into the masked entries of `weight` at every forward pass, so
 * that their ratio is the scale. Undefined if the entries are no multiple of normal_mask.
 */
function fixedEntries(
  tensors: ReadonlyMap<string, LazyTensor>,
  layer: number,
): { sigma: number | undefined; perRow: number } {
  const read = (name: string): Float64Array => tensors.get(`lins.${layer}.${name}`)!.readFloat64();
  const [weight, mask, normal] = [read('weight'), read('mask'), read('normal_mask')];
  const rows = tensors.get(`lins.${layer}.weight`)!.shape[0]!;
  const places = [...mask.keys()].filter((k) => mask[k] === 0);
  const perRow = Math.floor(places.length / rows);
  const dot = places.reduce((sum, k) => sum + weight[k]! * normal[k]!, 0);
  const square = places.reduce((sum, k) => sum + normal[k]! ** 2, 0);
  const sigma = square === 0 ? 0 : Number((dot / square).toPrecision(6));
  const fits = places.every(
    (k) => Math.abs(weight[k]! - sigma * normal[k]!) <= 1e-5 * (1 + Math.abs(weight[k]!)),
  );
  return { sigma: fits ? sigma : undefined, perRow };
}
