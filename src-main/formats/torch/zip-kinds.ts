/** Zip files that are no files of torch.save, told from the names of their entries. */
import { UserError } from '../../../src-shared/errors.ts';
import type { ForeignFormat } from '../kind-of-file.ts';
import { openSource } from '../source.ts';
import type { ByteSource } from '../source.ts';
import { openZip } from './zip.ts';
import type { ZipArchive } from './zip.ts';

/** The same for the bytes of a file, which stays open. Undefined too for a damaged one. */
export function foreignZipIn(source: ByteSource): ForeignFormat | undefined {
  try {
    return foreignZip(openZip(source));
  } catch (thrown) {
    if (thrown instanceof UserError) return undefined;
    throw thrown;
  }
}

export function isForeignZip(path: string): boolean {
  const source = openSource(path);
  try {
    return foreignZipIn(source) !== undefined;
  } finally {
    source.close();
  }
}

/** Undefined for what could be a file of torch.save, and for zip files of unknown purpose. */
export function foreignZip({ entries }: ZipArchive): ForeignFormat | undefined {
  const names = [...entries.keys()];
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  if (has(/^([^/]+\/)?(\.data\/(extern_modules|python_version)|extern_modules)$/))
    return {
      what: 'a torch.package archive (code and weights of a model), not a checkpoint',
      hint: 'Save only the weights: model = torch.package.PackageImporter("model.pt").load_pickle(PACKAGE, RESOURCE); torch.save(model.state_dict(), "weights.pt").',
    };
  if (has(/^([^/]+\/)?(constants\.pkl|bytecode\.pkl)$/) || has(/^([^/]+\/)?code\/.*\.py$/))
    return {
      what: 'a TorchScript program (torch.jit.save), not a checkpoint',
      hint: 'Save only the weights: torch.save(torch.jit.load("model.pt").state_dict(), "weights.pt").',
    };
  if (has(/^([^/]+\/)?models\/[^/]+\.json$/) && has(/^([^/]+\/)?data\/weights\//))
    return {
      what: 'a torch.export program (.pt2), not a checkpoint',
      hint: 'Make a run of it (basin run adopt --network, docs/pytorch.md), or save only the weights: torch.save(torch.export.load("model.pt2").state_dict, "weights.pt").',
    };
  if (has(/(^|\/)model\.weights\.h5$/))
    return {
      what: 'a Keras model (.keras)',
      hint: 'Convert it in Python: take model.get_weights(), transpose the kernels (Keras has inputs before outputs, PyTorch outputs before inputs), and torch.save them as a dict of tensors.',
    };
  if (names.length > 0 && names.every((name) => name.endsWith('.npy')))
    return {
      what: `NumPy arrays (.npz: ${names.slice(0, 4).join(', ')}${names.length > 4 ? ', ...' : ''})`,
      hint: 'Convert it in Python: torch.save({k: torch.from_numpy(v) for k, v in numpy.load("weights.npz").items()}, "weights.pt"). Kernels of Keras or Flax have inputs before outputs: transpose them (v.T).',
    };
  return undefined;
}
