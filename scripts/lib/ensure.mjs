/** Setup as a function: makes the clone ready to run, doing only what is missing. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { installPackages, stalePackages } from './packages.mjs';
import { localFolder, modules } from './paths.mjs';
import { run } from './process.mjs';
import { NativeProblem, readStatus, writeStatus } from './status.mjs';
import { describeDownload, isNativeReady, setUpNative } from './tensorflow.mjs';

const retryAfterMs = 10 * 60 * 1000;

const tell = (text) => process.stderr.write(`${text}\n`);

async function hasNvidiaDriver() {
  if (existsSync('/proc/driver/nvidia/version')) return true;
  return (await run('nvidia-smi', ['-L'])).code === 0;
}

/** A failure that waiting does not mend is tried again at once (it is a quick look); a network failure after ten minutes. */
function isWorthAnotherTry(status) {
  if (!status || status.ok) return true;
  const isSlow = ['no-network', 'download-failed', 'bad-checksum'].includes(status.kind);
  return !isSlow || Date.now() - Date.parse(status.when) > retryAfterMs;
}

export function showProblem(status, say = tell) {
  say(`TensorFlow's native library is not available: ${status.reason}.`);
  say(`  To fix this: ${status.fix}.`);
  say('  Until then Basin uses the wasm back end: the same results, several times slower.');
}

async function native(variant, force, say) {
  try {
    const version = await setUpNative(variant, { force, say });
    writeStatus({ variant, ok: true, version });
    say(`TensorFlow ${version} (${variant === 'gpu' ? 'CUDA' : 'CPU'}) is ready.`);
  } catch (error) {
    if (!(error instanceof NativeProblem)) throw error;
    writeStatus({ variant, ok: false, kind: error.kind, reason: error.message, fix: error.fix });
  }
}

/**
 * Installs packages and the native library where they are missing. options: variant ('cpu' | 'gpu', default: what was
 * chosen last, else cpu), force, quiet (say nothing when nothing is to do). Throws only where Basin cannot run at all.
 */
export async function ensureSetup({ variant, force = false, quiet = true, say = tell } = {}) {
  const before = readStatus();
  const wanted = variant ?? before?.variant ?? 'cpu';
  if (!force && !stalePackages() && (await isNativeReady(wanted))) {
    if (!before?.ok || before.variant !== wanted) writeStatus({ variant: wanted, ok: true });
    return readStatus();
  }
  return withLock(
    join(localFolder, 'setup.lock'),
    async () => {
      const stale = stalePackages();
      if (stale) {
        say(`Installing packages (${stale}).`);
        await installPackages(say);
      }
      if (force || !(await isNativeReady(wanted))) {
        if (force || !quiet || stale || isWorthAnotherTry(before)) await native(wanted, force, say);
        const status = readStatus();
        if (status && !status.ok) showProblem(status, say);
      } else {
        writeStatus({ variant: wanted, ok: true });
      }
      return readStatus();
    },
    say,
  );
}

/** Where a GPU is present and its build is not installed: one hint with the size. Nothing is fetched unasked. */
export async function hintAboutGpu(variant, say = tell) {
  if (variant === 'gpu' || !(await hasNvidiaDriver())) return;
  const { total, disk } = describeDownload('gpu');
  say(
    `An NVIDIA driver is present. For the GPU build: npm run setup -- --gpu (downloads ${total}, ${disk} on disk).`,
  );
}

/** Basin itself needs Node 24; npm installs it as a package where one exists for this machine. */
export function assertNode() {
  if (existsSync(join(modules, '.bin', 'node')) || Number(process.versions.node.split('.')[0]) >= 24) return;
  const { engines } = JSON.parse(readFileSync(join(modules, '..', 'package.json'), 'utf8'));
  throw new Error(
    `This machine runs Node ${process.versions.node}, and npm has no Node 24 package for ${process.platform} ${process.arch}. ` +
      `Install Node 24 or newer from https://nodejs.org (npm ${engines.npm}).`,
  );
}
