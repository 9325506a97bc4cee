import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readParquet, writeParquet } from '../../../src-main/formats/parquet.ts';
import type { ParquetColumn } from '../../../src-main/formats/parquet.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { temporaryFolder } from './make-files.ts';

const folder = temporaryFolder();
const python = process.env['BASIN_PYARROW_PYTHON'] ?? process.env['BASIN_TORCH_PYTHON'];
const hasPyarrow = python !== undefined && spawnSync(python, ['-c', 'import pyarrow']).status === 0;

const layerType = {
  struct: {
    layer: 'string',
    mahalanobis_distance_squared: { list: { list: 'double' } },
    subspace_dimension: 'int64',
    subspace_coherence: 'float',
    frozen: 'boolean',
  },
} as const;

const square = (n: number): Float64Array[] =>
  Array.from({ length: n }, (_, i) =>
    Float64Array.from({ length: n }, (_unused, j) => Math.sin(i * n + j) / 3),
  );

const columns: ParquetColumn[] = [
  { name: 'checkpoint_path', type: 'string', values: ['a.pt', null, 'c.pt'] },
  { name: 'epoch', type: 'int64', values: [5, 2n ** 62n, null] },
  {
    name: 'realization_cost_results',
    type: { list: layerType },
    values: [
      [
        {
          layer: 'lins.0',
          mahalanobis_distance_squared: square(40),
          subspace_dimension: 3,
          subspace_coherence: 0.5,
          frozen: true,
        },
        {
          layer: 'lins.1',
          mahalanobis_distance_squared: [[NaN, -0, Infinity], []],
          subspace_dimension: null,
          subspace_coherence: NaN,
        },
      ],
      [],
      null,
    ],
  },
  {
    name: 'results',
    type: {
      struct: { run_a: { list: { struct: { id1: 'int32', objective_full: 'double' } } }, run_b: 'double' },
    },
    values: [{ run_a: [{ id1: 1, objective_full: 0.1 }], run_b: -Infinity }, { run_a: null, run_b: 2 }, null],
  },
];

describe('Parquet', () => {
  it.each(['ZSTD', 'SNAPPY', 'GZIP', 'UNCOMPRESSED'] as const)(
    'gives back nested lists and structs (%s)',
    async (codec) => {
      const path = join(folder, `${codec}.parquet`);
      writeParquet(path, columns, { codec, metadata: new Map([['basin', '{"seed":1}']]) });
      const table = await readParquet(path);
      expect(table.metadata.get('basin')).toBe('{"seed":1}');
      expect(table.columns[2]).toBe(
        'realization_cost_results: list<struct<layer: string, mahalanobis_distance_squared: list<list<double>>, subspace_dimension: int64, subspace_coherence: float, frozen: boolean>>',
      );
      const [first, second, third] = table.rows;
      expect([first!['checkpoint_path'], second!['checkpoint_path'] ?? null]).toEqual(['a.pt', null]);
      expect([first!['epoch'], second!['epoch'], third!['epoch'] ?? null]).toEqual([5n, 2n ** 62n, null]);
      const [one, two] = first!['realization_cost_results'] as Record<string, unknown>[];
      expect(one!['mahalanobis_distance_squared']).toEqual(square(40).map((row) => [...row]));
      expect([one!['subspace_dimension'], one!['subspace_coherence'], one!['frozen']]).toEqual([
        3n,
        0.5,
        true,
      ]);
      expect(two!['mahalanobis_distance_squared']).toEqual([[NaN, -0, Infinity], []]);
      expect([two!['subspace_dimension'] ?? null, two!['frozen'] ?? null]).toEqual([null, null]);
      expect(second!['realization_cost_results']).toEqual([]);
      expect(third!['realization_cost_results'] ?? null).toBe(null);
      expect(first!['results']).toEqual({ run_a: [{ id1: 1, objective_full: 0.1 }], run_b: -Infinity });
    },
  );

  it('reads a file of pyarrow (zstd, nested)', async () => {
    const path = fileURLToPath(new URL('data/pyarrow.parquet', import.meta.url));
    const { rows } = await readParquet(path, { columns: ['epoch', 'realization_cost_results'] });
    const row = {
      layer: 'lins.0',
      mahalanobis_distance_squared: [
        [1.5, -2],
        [NaN, 0],
      ],
      subspace_dimension: 2n,
    };
    expect(rows).toEqual([
      { epoch: 5n, realization_cost_results: [row, row] },
      { epoch: 2n ** 53n + 1n, realization_cost_results: [] },
    ]);
  });

  it('writes a table without rows', async () => {
    const path = join(folder, 'none.parquet');
    writeParquet(path, [{ name: 'a', type: { list: 'double' }, values: [] }]);
    expect((await readParquet(path)).rows).toEqual([]);
  });

  it('names the file, and the columns that there are', async () => {
    const path = join(folder, 'ZSTD.parquet');
    writeParquet(path, columns);
    await expect(readParquet(path, { columns: ['loss'] })).rejects.toThrow(
      /no column "loss"; it has checkpoint_path, epoch/,
    );
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('PAR1'),
      Buffer.from('PAR1\xff\xff\xff\x7fPAR1', 'latin1'),
      Buffer.alloc(100, 'x'),
    ]) {
      writeFileSync(join(folder, 'bad.parquet'), bytes);
      await expect(readParquet(join(folder, 'bad.parquet'))).rejects.toThrow(UserError);
      await expect(readParquet(join(folder, 'bad.parquet'))).rejects.toThrow(/bad\.parquet/);
    }
  });

  it.skipIf(!hasPyarrow)(
    'is read by pyarrow and pandas with equal numbers [needs BASIN_TORCH_PYTHON with pyarrow]',
    () => {
      const path = join(folder, 'ours.parquet');
      writeParquet(path, columns);
      const script = `
import sys, math, pyarrow.parquet as pq
rows = pq.read_table(sys.argv[1]).to_pylist()
one, two = rows[0]['realization_cost_results']
assert one['mahalanobis_distance_squared'] == [[math.sin(i * 40 + j) / 3 for j in range(40)] for i in range(40)] or max(
    abs(v - math.sin(i * 40 + j) / 3) for i, r in enumerate(one['mahalanobis_distance_squared']) for j, v in enumerate(r)) < 1e-15
assert math.isnan(two['mahalanobis_distance_squared'][0][0]) and two['mahalanobis_distance_squared'][1] == []
assert two['frozen'] is None and two['subspace_dimension'] is None and rows[1]['epoch'] == 2**62 and rows[2]['epoch'] is None
assert rows[1]['realization_cost_results'] == [] and rows[2]['realization_cost_results'] is None
assert rows[0]['results'] == {'run_a': [{'id1': 1, 'objective_full': 0.1}], 'run_b': -math.inf}
assert pq.ParquetFile(sys.argv[1]).metadata.row_group(0).column(0).compression == 'ZSTD'
print('agree')`;
      const { stdout, stderr } = spawnSync(python!, ['-c', script, path], { encoding: 'utf8' });
      expect(stdout.trim(), stderr).toBe('agree');
    },
  );
});

if (!hasPyarrow)
  console.warn('skipped: pyarrow on our Parquet files (set BASIN_TORCH_PYTHON to a Python that has pyarrow)');
