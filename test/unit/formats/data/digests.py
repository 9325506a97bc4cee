"""SHA-256 of every tensor of the reference checkpoints, as PyTorch reads them: python digests.py RUNS_FOLDER > tensor-digests.json"""
import hashlib, json, pathlib, sys, torch

def tensors(value, path=''):
    if isinstance(value, torch.Tensor):
        yield path, [str(value.dtype)[6:], list(value.shape), hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()[:16]]
    elif isinstance(value, (dict, list, tuple)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from tensors(item, f'{path}/{key}')

runs = pathlib.Path(sys.argv[1])
names = sorted(str(p.relative_to(runs)) for p in runs.glob('*/checkpoint_epoch_5_model_1.pt'))
print(json.dumps({n: dict(tensors(torch.load(runs / n, weights_only=True))) for n in names}, indent=0))
