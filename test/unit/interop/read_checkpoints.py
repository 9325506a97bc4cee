"""What plain PyTorch finds in checkpoints: digests of every tensor, or the logits of a forward pass of its own."""
import hashlib, json, sys
import numpy as np, torch, torch.nn.functional as F, yaml


def digests(paths):
    found = {}
    for path in paths:
        checkpoint = torch.load(path, weights_only=True)
        assert list(checkpoint) == ['epoch', 'step', 'model_state_dict', 'trainable', 'optimizer_state_dict', 'val_accuracy'], list(checkpoint)
        tensors = dict(checkpoint['model_state_dict'])
        for place, slots in checkpoint['optimizer_state_dict']['state'].items():
            for slot, value in slots.items():
                tensors[f"{checkpoint['trainable'][place]}/{slot}"] = value
        found[path] = {k: [list(t.shape), hashlib.sha256(t.contiguous().numpy().tobytes()).hexdigest()] for k, t in tensors.items()}
    return found


def forward(config, state, x):
    """The networks of neuron-identifiability's mlp.py, written down again: linear, LayerNorm, activation.
    In the precision of x; the weights that a layer computes with are put together in float32, as they are stored."""
    model = config['model']
    symmetry, layers = model['symmetry'], model['num_layers']
    for i in range(layers):
        weight = state[f'lins.{i}.weight']
        params = {**(model.get('mask_params') or {}).get('default', {}), **(model.get('mask_params') or {}).get(f'linear_mask_params_{i}', {})}
        if symmetry == 1:
            mask = state[f'lins.{i}.mask']
            weight = mask * weight + (1 - mask) * params['mask_constant'] * state[f'lins.{i}.normal_mask']
        if symmetry == 3:
            weight = weight + params['mask_constant'] * state[f'lins.{i}.noise']
        own = lambda tensor: tensor.to(x.dtype)
        x = F.linear(x, own(weight), own(state[f'lins.{i}.bias']))
        if i == layers - 1:
            return x
        x = F.layer_norm(x, x.shape[1:], own(state[f'norms.{i}.weight']), own(state[f'norms.{i}.bias']))
        x = x * torch.sigmoid(F.linear(x, own(state[f'activations.{i}.C']))) if symmetry == 2 else F.gelu(x)


def logits(config_path, checkpoint_path, input_path, output_path):
    config = yaml.safe_load(open(config_path))
    if checkpoint_path.endswith('.pt'):
        checkpoint = torch.load(checkpoint_path, weights_only=True)
        state = checkpoint['model_state_dict']
        # The saved optimizer goes on: torch.optim takes it and makes a step.
        parameters = [state[name].clone().requires_grad_() for name in checkpoint['trainable']]
        if checkpoint['optimizer_state_dict']['state']:
            optimizer = torch.optim.AdamW(parameters, lr=1e-3)
            optimizer.load_state_dict(checkpoint['optimizer_state_dict'])
            sum((p ** 2).sum() for p in parameters).backward()
            optimizer.step()
            assert all(torch.isfinite(p).all() for p in parameters)
    else:
        from safetensors.torch import load_file
        state = load_file(checkpoint_path)
    with torch.no_grad():
        x = torch.from_numpy(np.load(input_path))
        single, double = forward(config, state, x), forward(config, state, x.double())
        np.save(output_path, torch.stack([single.double(), double]).numpy())


if sys.argv[1] == 'digests':
    print(json.dumps(digests(json.load(sys.stdin))))
else:
    for line in json.load(sys.stdin):
        logits(*line)
    print('{}')
