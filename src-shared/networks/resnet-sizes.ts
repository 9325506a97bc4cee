/** How large the parts of a residual network are, as neuron-identifiability builds them (src/models/resnet.py:224). */

/** Blocks in each of the three layers, by depth. */
export const resnetBlocks = { 20: 3, 32: 5, 56: 9, 110: 18 } as const;
export type ResnetDepth = keyof typeof resnetBlocks;

export interface ResnetSizes {
  depth: ResnetDepth;
  width: number;
  /** [channels, height, width] */
  input: readonly [number, number, number];
  classes: number;
}

export interface Block {
  /** `layer2.0` */
  module: string;
  inputs: number;
  outputs: number;
  stride: 1 | 2;
}

export function blocksOf({ depth, width }: Pick<ResnetSizes, 'depth' | 'width'>): Block[] {
  const count = resnetBlocks[depth];
  return [1, 2, 3].flatMap((layer) =>
    Array.from({ length: count }, (_, block): Block => {
      const outputs = 8 * 2 ** layer * width;
      const first = block === 0 && layer > 1;
      const sizes = {
        inputs: first ? outputs / 2 : outputs,
        outputs,
        stride: first ? (2 as const) : (1 as const),
      };
      return { module: `layer${layer}.${block}`, ...sizes };
    }),
  );
}

/** Modules with weights, in the order in which PyTorch makes them: name and [outputs, inputs, ...kernel]. */
export function resnetModules(sizes: ResnetSizes): { module: string; shape: number[] }[] {
  const { input, width, classes } = sizes;
  const convolutions = blocksOf(sizes).flatMap(({ module, inputs, outputs, stride }) => [
    { module: `${module}.conv1`, shape: [outputs, inputs, 3, 3] },
    { module: `${module}.conv2`, shape: [outputs, outputs, 3, 3] },
    ...(stride === 2 ? [{ module: `${module}.shortcut.0`, shape: [outputs, inputs, 1, 1] }] : []),
  ]);
  return [
    { module: 'conv1', shape: [16 * width, input[0], 3, 3] },
    ...convolutions,
    { module: 'linear', shape: [classes, 64 * width] },
  ];
}
