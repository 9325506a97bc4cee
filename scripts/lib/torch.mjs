/**
 * A Python with PyTorch and torchvision, for tests and benchmarks that compare with them. PyPI has only the CUDA build
 * for Linux, whose libraries weigh gigabytes; without them it does not even load. It computes on the CPU, so empty
 * libraries of the same names do (scripts/native/cpu_only_torch.py): 1.6 GB on disk instead of 6.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { cacheFolder, root } from './paths.mjs';
import { lastLine, removeOnEnd, run } from './process.mjs';
import { checkSpace, findPython } from './wheels.mjs';

const torchVersion = '2.15.0';
const torchvisionVersion = '0.29.2'; // the one that belongs to it
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
  // Networks to read; it does not load without pillow.
  ...[`torchvision==${torchvisionVersion}`, 'pillow'],
  // Small, and called as PyTorch loads: these two must be real.
  ...['nvidia-cuda-runtime', 'nvidia-cuda-cupti'],
];
const diskBytes = { whole: 3.5e9, mending: 0.5e9 }; // while installing: the wheels and what is unpacked of them

/** Lists the packages in a folder: one that was made before a package was added to the list gets it now. */
const packagesFile = (folder) => join(folder, 'basin-packages.json');

function missingFrom(folder) {
  try {
    const present = new Set(JSON.parse(readFileSync(packagesFile(folder), 'utf8')));
    return packages.filter((name) => !present.has(name));
  } catch {
    // Made before the list was written: with everything that no longer needs to be named here.
    return packages.filter((name) => /^(?:torchvision|pillow)/.test(name));
  }
}

const isWhole = (folder) => existsSync(join(folder, 'bin', 'python')) && missingFrom(folder).length === 0;

async function build(folder, say) {
  const python = await findPython();
  const scratch = join(cacheFolder(), `unpacking-${process.pid}`);
  const cleanUp = removeOnEnd(scratch);
  mkdirSync(scratch, { recursive: true });
  const step = async (command, args) => {
    const result = await run(command, args, { env: { ...process.env, TMPDIR: scratch } });
    if (result.code !== 0)
      throw new Error(`${args.slice(0, 4).join(' ')}: ${lastLine(result.stderr || result.stdout)}`);
    return result.stdout.trim();
  };
  const install = (inside, names) =>
    step(python, [
      ...['-m', 'pip', '--python', inside, 'install', '-q'],
      ...['--no-deps', '--no-cache-dir', '--only-binary=:all:', ...names],
    ]);
  const finish = async (made) => {
    const loads =
      'import torch, torchvision, pandas, pyarrow, safetensors, yaml; (torch.ones(8, 8) @ torch.ones(8, 8)).sum()';
    await step(join(made, 'bin', 'python'), ['-c', loads]);
    writeFileSync(packagesFile(made), JSON.stringify(packages));
  };
  try {
    if (existsSync(join(folder, 'bin', 'python'))) {
      const missing = missingFrom(folder);
      say(`Adding ${missing.join(', ')} to the PyTorch for comparisons.`);
      checkSpace(scratch, diskBytes.mending);
      await install(join(folder, 'bin', 'python'), missing);
      return await finish(folder);
    }
    say(`Installing PyTorch ${torchVersion} for comparisons (a 700 MB download).`);
    checkSpace(scratch, diskBytes.whole);
    const made = join(scratch, 'torch');
    const inside = join(made, 'bin', 'python');
    await step(python, ['-m', 'venv', '--without-pip', made]);
    await install(inside, packages);
    const site = await step(inside, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']);
    await step(python, [join(root, 'scripts', 'native', 'cpu_only_torch.py'), join(site, 'torch', 'lib')]);
    await finish(made);
    rmSync(folder, { recursive: true, force: true });
    renameSync(made, folder);
  } finally {
    cleanUp();
  }
}

/** Returns { python } or { reason }. With `install`, an environment that is missing is made, and packages that it lacks are added. */
export async function torchPython({ install = false, say = () => {} } = {}) {
  if (process.env.BASIN_TORCH_PYTHON) return { python: process.env.BASIN_TORCH_PYTHON };
  const folder = join(cacheFolder(), `torch-${torchVersion}`);
  const python = join(folder, 'bin', 'python');
  if (isWhole(folder)) return { python };
  if (!install && existsSync(python))
    return { reason: `it lacks ${missingFrom(folder).join(', ')}: run with CI=true once, which adds them` };
  if (!install) return { reason: 'set BASIN_TORCH_PYTHON to a Python with torch, or run with CI=true' };
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { reason: 'set BASIN_TORCH_PYTHON to a Python with torch' };
  try {
    await withLock(
      join(cacheFolder(), 'setup.lock'),
      () => (isWhole(folder) ? undefined : build(folder, say)),
      say,
    );
    return { python };
  } catch (error) {
    return { reason: `PyTorch could not be installed: ${error.message}` };
  }
}
