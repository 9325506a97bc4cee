/** MLPs of the families of `model.family`, with an F and D of their own where a file would have them. */
import { RandomStream } from '../../src-main/compute/random.ts';
import type { Family } from '../../src-shared/domain.ts';
import type { LayerSpec, MlpSpec } from '../../src-shared/model.ts';
import type { GeneralFamily, GivenPart } from '../../src-shared/networks/families.ts';
import { zerosOf } from '../../src-shared/networks/general-family.ts';

type Given = Map<string, { shape: number[]; data: Float32Array }>;

const share = 0.4;

/** The spec as one of its family: nothing changes if no `model.family` stands for it. */
export function asFamily(spec: MlpSpec): MlpSpec {
  const general = generalOf(spec);
  if (!general) return spec;
  const layers = spec.layers.map((layer) => ({
    ...layer,
    sigmaF: general.name === 'bias-only' ? 0.5 + 0.25 * layer.index : 0,
    numFixed: general.name === 'sparse' ? zerosOf(share, layer.inputs) : 0,
  }));
  return { ...spec, layers, general };
}

function generalOf({ family, layers }: MlpSpec): GeneralFamily | undefined {
  switch (family) {
    case 'linear-residual':
      return { name: family, alpha: 0.75 };
    case 'sparse':
      return { name: family, share };
    case 'bias-only':
      return { name: family };
    case 'given':
      return { name: family, sha256: 'test', parts: givenOf(layers).parts };
    default:
      return undefined;
  }
}

/** F and D of a network of the family `given`; undefined for others. */
export const givenFor = ({ family, layers }: { family: Family; layers: readonly LayerSpec[] }) =>
  family === 'given' ? givenOf(layers).tensors : undefined;

/** Both on the first weight, F on every bias, D on the last weight. */
function givenOf(layers: readonly LayerSpec[]): { parts: GivenPart[]; tensors: Given } {
  const tensors: Given = new Map();
  const parts: GivenPart[] = [];
  const add = (parameter: string, shape: number[], kinds: ('F' | 'D')[]): void => {
    const size = shape.reduce((a, b) => a * b, 1);
    const stream = new RandomStream(31, parameter);
    const f = kinds.includes('F') ? stream.normals(size, 0.6) : new Float32Array(size);
    const d = Float32Array.from(f, () => (kinds.includes('D') && stream.uniform() < 0.3 ? 0 : 1));
    if (kinds.includes('F')) tensors.set(`${parameter}.F`, { shape, data: f });
    if (kinds.includes('D')) tensors.set(`${parameter}.D`, { shape, data: d });
    const zeros = d.filter((value) => value === 0).length;
    const fixed = d.filter((value, i) => value === 0 || f[i] !== 0).length;
    parts.push({ parameter, tensors: kinds, zeros, fixed });
  };
  for (const { index, inputs, outputs } of layers) {
    const kinds: ('F' | 'D')[] = index === 0 ? ['F', 'D'] : index === layers.length - 1 ? ['D'] : [];
    if (kinds.length > 0) add(`lins.${index}.weight`, [outputs, inputs], kinds);
    add(`lins.${index}.bias`, [outputs], ['F']);
  }
  return { parts, tensors };
}
