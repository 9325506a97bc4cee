"""Makes the small files beside it with the real libraries (torch 2.15, safetensors, numpy, pyarrow); run by hand."""
import collections, pathlib
import numpy as np, torch, pyarrow as pa, pyarrow.parquet as pq
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
layouts = {
    'base': base, 'transposed': base.t(), 'sliced': base[1:3, ::2], 'expanded': base[0, :1].expand(5), 'scalar': torch.tensor(2.5),
    'empty': torch.empty(0, 3), 'flipped_axis': base.reshape(2, 2, 6).permute(2, 0, 1),
}
dtypes = {str(d)[6:]: torch.tensor([0, 1, 2, 100]).to(d) for d in
          (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)}
halves = torch.tensor([1.0, -2.5, 65504.0, 6e-8, float('inf'), float('-inf'), float('nan'), -0.0])
tree = {
    'layouts': layouts, 'dtypes': dtypes, 'float16': halves.half(), 'bfloat16': halves.bfloat16(),
    'parameter': torch.nn.Parameter(torch.ones(2)), 'size': torch.Size([3, 4]), 'device': torch.device('cuda:1'), 'text': 'Gewicht \u00e4\U0001f600',
    'integers': [0, -1, 255, 256, 65536, -2**31, 2**31, 2**53 + 1, -2**70], 'floats': [0.1, float('inf'), -0.0], 'others': (None, True, False),
    'ordered': collections.OrderedDict(b=1, a=2), '__proto__': {'constructor': 1}, (1, 2): 'tuple key', 7: 'int key',
}
torch.save(tree, here / 'torch-tree.pt')
torch.save({k: v for k, v in tree.items()}, here / 'torch-tree-protocol4.pt', pickle_protocol=4)
torch.save({'w': torch.ones(2)}, here / 'torch-legacy.pt', _use_new_zipfile_serialization=False)
model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
torch.save(model.state_dict(), here / 'torch-state-dict.pt')
torch.save(model, here / 'torch-whole-model.pt')
torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), here / 'torch-script.pt')
save_file({'a.weight': base, 'a.half': halves.half(), 'count': torch.tensor(7)}, here / 'official.safetensors', metadata={'format': 'pt'})
np.save(here / 'fortran.npy', np.asfortranarray(np.arange(24, dtype='<f8').reshape(2, 3, 4)))
np.save(here / 'integers.npy', np.arange(-3, 3, dtype='<i8'))
matrix = [[1.5, -2.0], [float('nan'), 0.0]]
row = {'layer': 'lins.0', 'mahalanobis_distance_squared': matrix, 'subspace_dimension': 2}
pq.write_table(pa.Table.from_pylist([
    {'checkpoint_path': 'x.pt', 'epoch': 5, 'realization_cost_results': [row, row]},
    {'checkpoint_path': None, 'epoch': 2**53 + 1, 'realization_cost_results': []},
]), here / 'pyarrow.parquet', compression='zstd')
