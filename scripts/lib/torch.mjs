/**
 * A Python with PyTorch, for tests and benchmarks that compare with it. PyPI has only the CUDA build for Linux, whose
 * libraries weigh gigabytes; without them it does not even load. It computes on the CPU, so empty libraries of the same
 * names do (scripts/native/cpu_only_torch.py): 1.6 GB on disk instead of 6.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { cacheFolder, root } from './paths.mjs';
import { lastLine, removeOnEnd, run } from './process.mjs';
import { checkSpace, findPython } from './wheels.mjs';

const torchVersion = '2.15.0';
const packages = [
  `torch==${torchVersion}`,
  ...[
    'numpy',
    'typing_extensions',
    'filelock',
    'sympy',
    'mpmath',
    'networkx',
    'jinja2',
    'markupsafe',
    'fsspec',
  ],
  ...['pandas', 'python-dateutil', 'six', 'pyarrow', 'safetensors', 'pyyaml'],
  // Small, and called as PyTorch loads: these two must be real.
  ...['nvidia-cuda-runtime', 'nvidia-cuda-cupti'],
];
const diskBytes = 3.5e9; // while installing: the wheels and what is unpacked of them

async function build(folder, say) {
  const python = await findPython();
  const scratch = join(cacheFolder(), `unpacking-${process.pid}`);
  const cleanUp = removeOnEnd(scratch);
  mkdirSync(scratch, { recursive: true });
  checkSpace(scratch, diskBytes);
  const step = async (command, args) => {
    const result = await run(command, args, { env: { ...process.env, TMPDIR: scratch } });
    if (result.code !== 0)
      throw new Error(`${args.slice(0, 4).join(' ')}: ${lastLine(result.stderr || result.stdout)}`);
    return result.stdout.trim();
  };
  try {
    say(`Installing PyTorch ${torchVersion} for comparisons (a 700 MB download).`);
    const made = join(scratch, 'torch');
    const inside = join(made, 'bin', 'python');
    await step(python, ['-m', 'venv', '--without-pip', made]);
    const install = [
      '-m',
      'pip',
      '--python',
      inside,
      'install',
      '-q',
      '--no-deps',
      '--no-cache-dir',
      '--only-binary=:all:',
    ];
    await step(python, [...install, ...packages]);
    const site = await step(inside, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']);
    await step(python, [join(root, 'scripts', 'native', 'cpu_only_torch.py'), join(site, 'torch', 'lib')]);
    await step(inside, [
      '-c',
      'import torch, pandas, pyarrow, safetensors, yaml; (torch.ones(8, 8) @ torch.ones(8, 8)).sum()',
    ]);
    rmSync(folder, { recursive: true, force: true });
    renameSync(made, folder);
  } finally {
    cleanUp();
  }
}

/** Returns { python } or { reason }. With `install` it is made where missing. */
export async function torchPython({ install = false, say = () => {} } = {}) {
  if (process.env.BASIN_TORCH_PYTHON) return { python: process.env.BASIN_TORCH_PYTHON };
  const folder = join(cacheFolder(), `torch-${torchVersion}`);
  const python = join(folder, 'bin', 'python');
  if (existsSync(python)) return { python };
  if (!install) return { reason: 'set BASIN_TORCH_PYTHON to a Python with torch, or run with CI=true' };
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { reason: 'set BASIN_TORCH_PYTHON to a Python with torch' };
  try {
    await withLock(
      join(cacheFolder(), 'setup.lock'),
      () => (existsSync(python) ? undefined : build(folder, say)),
      say,
    );
    return { python };
  } catch (error) {
    return { reason: `PyTorch could not be installed: ${error.message}` };
  }
}
