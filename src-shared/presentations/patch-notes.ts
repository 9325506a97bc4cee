/** What the inputs of convolutions are, in words. */
import type { PatchFields } from '../jobs/layer-measures.ts';

const count = (n: number): string => n.toLocaleString('en-US');
const times = ([a, b]: PatchFields['kernel']): string => `${a} × ${b}`;
const alike = ([a, b]: PatchFields['kernel']): string => (a === b ? String(a) : `${a} × ${b}`);

/** "3 × 3, stride 1, padding 1: 24 images × 1,024 positions = 24,576 patches (conv1 and 6 other layers)" */
function kindOf(layers: readonly { layer: string; patches: PatchFields }[]): string {
  const [{ layer, patches }] = layers as [(typeof layers)[number]];
  const { kernel, stride, padding, images, positions } = patches;
  const others = new Set(layers.map((each) => each.layer)).size - 1;
  const more = others === 0 ? '' : others === 1 ? ' and 1 other layer' : ` and ${others} other layers`;
  return `${times(kernel)}, stride ${alike(stride)}, padding ${alike(padding)}: ${count(images)} images × ${count(positions)} positions = ${count(patches.count)} patches (${layer}${more})`;
}

/** None if no layer is a convolution. */
export function patchNotes(
  layers: readonly { layer: string; patches?: PatchFields | undefined }[],
): string[] {
  const convolutions = layers.flatMap(({ layer, patches }) => (patches ? [{ layer, patches }] : []));
  if (convolutions.length === 0) return [];
  const kinds = [...Map.groupBy(convolutions, ({ patches }) => JSON.stringify(patches)).values()];
  return [
    'Convolutions are measured on patches: the numbers that the kernel covers at one position of one image are one input, zeros of the padding included. Their neurons are the output channels. Each convolution is measured by itself, even if others make channels of the same residual stream.',
    `Patches: ${kinds.map(kindOf).join('; ')}.`,
  ];
}
