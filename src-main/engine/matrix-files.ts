/** Matrices lie beside their JSON, a .npy each; in the JSON `{ $matrix: name, rows, columns }` stands for them. */
import { copyFileSync, linkSync } from 'node:fs';
import { join } from 'node:path';
import { matrixRefSchema } from '../../src-shared/api.ts';
import type { MatrixRef } from '../../src-shared/api.ts';
import { mapMatrices, type Matrix } from '../../src-shared/matrix.ts';
import { writeNpy } from '../formats/npy.ts';
import type { TensorValue } from '../formats/tensor.ts';

/** Puts the matrices of a result into a folder; returns the result with references in their place. */
export type PlaceMatrices = (data: unknown, folder: string) => unknown;

export const writeMatrices: PlaceMatrices = (data, folder) => {
  const nameOf = namer();
  return mapMatrices(data, (m, path) => {
    const name = nameOf(path);
    writeNpy(join(folder, `${name}.npy`), tensorOf(m));
    return refTo(name, m);
  });
};

/** A reference into the folder of a part, while the whole result is put together. */
interface PartRef extends MatrixRef {
  $folder: string;
}

/** The same data with every reference pointing into `folder`, as `linkMatrices` takes it. */
export const withFolder = (data: unknown, folder: string): unknown =>
  mapRefs(data, (ref): PartRef => ({ ...ref, $folder: folder }));

/** Takes matrices over from parts: as further names of the same files, which cost no room; as copies where a disk cannot. */
export const linkMatrices: PlaceMatrices = (data, folder) => {
  const nameOf = namer();
  return mapRefs(data, (ref, path) => {
    const name = nameOf(path);
    const source = join((ref as PartRef).$folder, `${ref.$matrix}.npy`);
    const target = join(folder, `${name}.npy`);
    try {
      linkSync(source, target);
    } catch {
      copyFileSync(source, target);
    }
    return refTo(name, ref);
  });
};

/** With empty matrices in place of references, so that a schema of results can look at the rest. */
export const withoutMatrices = (data: unknown): unknown =>
  mapRefs(data, () => ({ rows: 0, columns: 0, data: new Float64Array() }));

/** As the .npy writer takes it. What came from a worker or a file never lies in shared memory. */
export function tensorOf(m: Matrix): TensorValue {
  const shape = [m.rows, m.columns];
  if (m.data instanceof Float64Array)
    return { dtype: 'float64', shape, data: m.data as Float64Array<ArrayBuffer> };
  return { dtype: 'float32', shape, data: m.data as Float32Array<ArrayBuffer> };
}

const refTo = (name: string, { rows, columns }: { rows: number; columns: number }): MatrixRef => ({
  $matrix: name,
  rows,
  columns,
});

function mapRefs(value: unknown, replace: (ref: MatrixRef, path: string) => unknown, path = ''): unknown {
  if (Array.isArray(value)) return value.map((item, i) => mapRefs(item, replace, `${path}/${i}`));
  if (value === null || typeof value !== 'object') return value;
  if ('$matrix' in value) {
    return replace('$folder' in value ? (value as PartRef) : matrixRefSchema.parse(value), path);
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mapRefs(item, replace, `${path}/${key}`)]),
  );
}

/** File names after places in the result; each is given once. */
function namer(): (path: string) => string {
  const taken = new Set<string>();
  return (path) => {
    const plain =
      path
        .replace(/^\//, '')
        .replaceAll('/', '.')
        .replace(/[^\w.-]/g, '_')
        .slice(0, 180) || 'matrix';
    const name = taken.has(plain) ? `${plain}.${taken.size}` : plain;
    taken.add(name);
    return name;
  };
}
