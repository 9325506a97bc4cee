/**
 * The native TensorFlow: the C library out of Google's PyPI wheel, and tfjs-node's binding compiled against it.
 * (tfjs-node's own installer downloads a library that is no longer served.)
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { withLock } from './lock.mjs';
import {
  basinNode,
  bindingFile,
  bindingLibraries,
  bindingPackage,
  cacheFolder,
  nodeHeaders,
  root,
} from './paths.mjs';
import { lastLine, removeOnEnd, run } from './process.mjs';
import { NativeProblem } from './status.mjs';
import { isUnpacked, megabytes, unpackWheels } from './wheels.mjs';
import { tensorflowVersion, wheelsFor } from './wheel-list.mjs';

const stampFile = join(dirname(bindingFile), 'basin.json');
const captureFile = join(dirname(bindingFile), 'capture_stderr.node');

function libraryFolder(variant) {
  return join(cacheFolder(), `tensorflow-${variant === 'gpu' ? 'cuda' : 'cpu'}-${tensorflowVersion}`);
}

/** Is the binding of this variant compiled, linked, and its library whole? A few stat calls. */
export async function isNativeReady(variant) {
  try {
    const wheels = wheelsFor(variant);
    const folder = libraryFolder(variant);
    const stamp = JSON.parse(readFileSync(stampFile, 'utf8'));
    if (stamp.variant !== variant || !existsSync(bindingFile) || !existsSync(captureFile)) return false;
    if (readlinkSync(bindingLibraries) !== join(folder, 'tensorflow')) return false;
    return wheels !== undefined && (await isUnpacked(folder, wheels));
  } catch {
    return false;
  }
}

async function findCompiler() {
  for (const name of [process.env.CXX, 'g++', 'c++', 'clang++']) {
    if (name && (await run(name, ['--version'])).code === 0) return name;
  }
  throw new NativeProblem(
    'no-compiler',
    'no C++ compiler was found (g++, c++, clang++); the TensorFlow binding needs one',
    'Install one (Debian, Ubuntu: apt install g++), then: npm run setup',
  );
}

async function compileOne(compiler, target, args) {
  mkdirSync(dirname(target), { recursive: true });
  const temporary = `${target}.${process.pid}`;
  const cleanUp = removeOnEnd(temporary);
  const result = await run(compiler, [
    '-shared',
    '-fPIC',
    '-O2',
    '-std=c++17',
    '-DNAPI_VERSION=8',
    '-w',
    ...args,
    '-o',
    temporary,
  ]);
  if (result.code !== 0) {
    const error = result.stderr.split('\n').find((line) => /error/i.test(line)) ?? lastLine(result.stderr);
    throw new NativeProblem(
      'compile-failed',
      `${compiler} could not compile ${basename(target)}: ${error.trim()}`,
      'Try another compiler: CXX=clang++ npm run setup',
    );
  }
  renameSync(temporary, target);
  cleanUp();
}

async function compile(compiler, folder) {
  const headers = nodeHeaders();
  if (!headers) {
    throw new NativeProblem(
      'no-headers',
      "Node's C headers (node_api.h) were not found",
      'Remove node_modules, then: npm run setup',
    );
  }
  const library = join(folder, 'tensorflow');
  await compileOne(compiler, captureFile, [
    `-I${headers}`,
    join(root, 'scripts', 'native', 'capture_stderr.cc'),
  ]);
  await compileOne(compiler, bindingFile, [
    ...[`-I${join(library, 'include')}`, `-I${headers}`],
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(bindingPackage, 'binding', name)),
    ...[`-L${library}`, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'],
    '-Wl,-rpath,$ORIGIN/../../deps/lib',
  ]);
}

/**
 * deps/lib is a link to the library's folder as a whole: the CUDA build looks for ../nvidia/*\/lib beside its own
 * folder, and `..` behind a link to a folder is the cache's.
 */
function link(folder) {
  mkdirSync(dirname(bindingLibraries), { recursive: true });
  const temporary = `${bindingLibraries}.${process.pid}`;
  rmSync(temporary, { force: true });
  symlinkSync(join(folder, 'tensorflow'), temporary);
  try {
    renameSync(temporary, bindingLibraries);
  } catch {
    rmSync(bindingLibraries, { recursive: true, force: true });
    renameSync(temporary, bindingLibraries);
  }
}

async function tryLoading() {
  const script = `const b = require(${JSON.stringify(bindingFile)}); process.stdout.write(b.TF_Version)`;
  const result = await run(basinNode(), ['-e', script], {
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' },
  });
  if (result.code === 0) return result.stdout;
  const why =
    result.signal === 'SIGILL'
      ? 'this processor lacks instructions it needs (AVX)'
      : lastLine(result.stderr) || `signal ${result.signal}`;
  throw new NativeProblem(
    'load-failed',
    `TensorFlow was compiled but does not load: ${why}`,
    'npm run setup -- --force rebuilds it; basin doctor shows details',
  );
}

/** Makes the native back end of this variant usable, or throws a NativeProblem. Returns TensorFlow's version. */
export async function setUpNative(variant, { force = false, say }) {
  const wheels = wheelsFor(variant);
  if (!wheels) {
    throw new NativeProblem(
      'unsupported',
      `there is no TensorFlow library for ${process.platform} on ${process.arch}`,
      'Use Linux on x64 or arm64',
    );
  }
  const folder = libraryFolder(variant);
  const compiler = await findCompiler();
  await withLock(
    join(cacheFolder(), 'setup.lock'),
    async () => {
      if (!force && (await isUnpacked(folder, wheels, { thorough: true }))) return;
      if (existsSync(folder))
        say(
          force
            ? 'Downloading TensorFlow again.'
            : `${folder} is incomplete or damaged: downloading it again.`,
        );
      await unpackWheels(folder, wheels, say);
    },
    say,
  );
  say('Compiling the TensorFlow binding.');
  rmSync(stampFile, { force: true });
  await compile(compiler, folder);
  link(folder);
  const version = await tryLoading();
  writeFileSync(stampFile, JSON.stringify({ variant, version }));
  return version;
}

/** What `--gpu` fetches, line by line. */
export function describeDownload(variant) {
  const wheels = wheelsFor(variant) ?? [];
  const total = wheels.reduce((sum, wheel) => sum + wheel.bytes, 0);
  const disk = wheels.reduce((sum, wheel) => sum + wheel.unpacked, 0);
  const lines = wheels.map((wheel) => `  ${wheel.name} ${wheel.version}  ${megabytes(wheel.bytes)}`);
  return { lines, total: megabytes(total), disk: megabytes(disk) };
}
