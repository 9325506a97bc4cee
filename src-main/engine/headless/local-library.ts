/**
 * The TensorFlow library on the disk of this machine: copied once from the shared file system, whoever comes first;
 * loading 850 MB over the network for every task would take longer than many tasks.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { platform, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import { takeClaim } from './claim.ts';

/** Headers are for compiling only. */
const notNeeded = new Set(['include']);

/** Where setup leaves the binding: its own small files, and `deps/lib`, a link to the library's folder. */
export function installedBinding(): string {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json'));
  return process.env['BASIN_BINDING'] ?? join(folder, 'lib', 'napi-v8', 'tfjs_binding.node');
}

/**
 * The binding beside a copy of its library below a folder `SHARED-UID` of this person alone; made if it is not there.
 * @returns its path; undefined if this installation has no native library
 * @throws UserError naming the folder, if the copy cannot be made or the folder is another person's; CancelledError
 */
export async function localBinding(
  shared: string,
  signal: AbortSignal,
  binding = installedBinding(),
): Promise<string | undefined> {
  const library = join(dirname(binding), '..', '..', 'deps', 'lib');
  if (!existsSync(binding) || !existsSync(library)) return undefined;
  const cache = ownFolder(shared);
  const target = join(cache, `tensorflow-${versionOf(binding, library)}`);
  const copied = join(target, 'lib', 'napi-v8', basename(binding));
  try {
    makeOwn(cache);
    if (existsSync(copied)) return copied;
    const claim = await takeClaim(`${target}.claim`, signal, () => existsSync(copied));
    if (!claim) return copied;
    try {
      // Left by one that was killed at it.
      for (const name of readdirSync(cache))
        if (name.startsWith(`${basename(target)}.`) && name.endsWith('.part'))
          rmSync(join(cache, name), { recursive: true, force: true });
      if (!existsSync(copied)) await copyAll(binding, library, target);
    } finally {
      claim.release();
    }
    return copied;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new UserError(
      `localCache: ${cache}: the TensorFlow library cannot be copied there: ${messageOf(error)}`,
      {
        hint: 'Name a folder on the disk of the nodes that has 1 GB free (6 GB for CUDA), or remove localCache.',
        cause: error,
      },
    );
  }
}

/** The disk of a node is for all who use it; what one of them put there another must not load. */
const ownFolder = (shared: string): string => `${shared.replace(/\/+$/, '')}-${userInfo().uid}`;

/** @throws UserError if others can write into it, or could when it was made */
function makeOwn(cache: string): void {
  mkdirSync(dirname(cache), { recursive: true });
  try {
    mkdirSync(cache, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const found = lstatSync(cache);
  const isOwn = found.isDirectory() && (found.uid === userInfo().uid || platform() === 'win32');
  if (isOwn && (found.mode & 0o022) === 0) return;
  throw new UserError(
    `localCache: ${cache} ${isOwn ? 'can be written by others' : 'is not a folder of yours'}: nothing is loaded from it.`,
    { hint: 'Remove it, or name another folder as localCache.' },
  );
}

/** Appears under its name when it is whole. */
async function copyAll(binding: string, library: string, target: string): Promise<void> {
  const temporary = `${target}.${randomBytes(4).toString('hex')}.part`;
  try {
    const copy = (from: string, to: string): Promise<void> =>
      cp(from, to, {
        recursive: true,
        dereference: true,
        filter: (path) => !notNeeded.has(basename(path)),
      });
    await copy(dirname(binding), join(temporary, 'lib', 'napi-v8'));
    const real = realpathSync(library);
    await copy(real, join(temporary, 'deps', 'lib'));
    // The CUDA build looks for ../nvidia beside its own folder.
    const cuda = join(dirname(real), 'nvidia');
    if (existsSync(cuda)) await copy(cuda, join(temporary, 'deps', 'nvidia'));
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Another one for whatever setup makes anew. */
function versionOf(binding: string, library: string): string {
  const facts = [dirname(binding), realpathSync(library)].flatMap((folder) =>
    readdirSync(folder)
      .sort()
      .map((name) => {
        const { size, mtimeMs } = statSync(join(folder, name));
        return `${name} ${size} ${mtimeMs}`;
      }),
  );
  return createHash('sha256').update(facts.join('\n')).digest('hex').slice(0, 16);
}
