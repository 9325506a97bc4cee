"""Subspaces of layers' inputs and the neurons' Gram matrices in them (section 7: subspace_coherence.py:25-65)."""

import torch


def basis_of(x, share):
    """[d, k] and how much of the variance it holds."""
    _, s, vt = torch.linalg.svd(x - x.mean(dim=0), full_matrices=False)
    held = torch.cumsum(s**2 / (s**2).sum(), 0)
    k = min(int(torch.searchsorted(held, share)), len(held) - 1)
    return vt.T[:, : k + 1]


def gram_matrices(basis, mask):
    """[neurons, k, k]"""
    projected = torch.einsum("dk,nd->nkd", basis, mask)
    return torch.einsum("nkd,nKd->nkK", projected, projected)


def coherence_of(basis):
    return (basis**2).sum(dim=1).max().item()
