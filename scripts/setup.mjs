/** `npm run setup`: packages, native TensorFlow, and what is missing if anything is. See `--help`. */
import { assertNode, ensureSetup, hintAboutGpu } from './lib/ensure.mjs';
import { describeDownload } from './lib/tensorflow.mjs';
import { cacheFolder } from './lib/paths.mjs';

const help = `npm run setup [-- OPTIONS]
  --gpu     TensorFlow's CUDA build (NVIDIA); --cpu switches back
  --force   download and compile again
  --help    show this text
Downloads are cached in ${cacheFolder()} (BASIN_CACHE moves them).`;

const options = process.argv.slice(2);
const unknown = options.find((option) => !['--gpu', '--cpu', '--force', '--help'].includes(option));

async function main() {
  if (options.includes('--help')) {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  if (unknown) {
    process.stderr.write(`Unknown option ${unknown}.\n${help}\n`);
    return 2;
  }
  const variant = options.includes('--gpu') ? 'gpu' : options.includes('--cpu') ? 'cpu' : undefined;
  if (variant === 'gpu') {
    const { lines, total, disk } = describeDownload('gpu');
    if (lines.length)
      process.stderr.write(
        `The GPU build consists of (${total} to download, ${disk} on disk):\n${lines.join('\n')}\n`,
      );
  }
  const status = await ensureSetup({ variant, force: options.includes('--force'), quiet: false });
  assertNode();
  await hintAboutGpu(status?.variant);
  process.stderr.write(
    status?.ok ? 'Setup is complete.\n' : 'Setup is complete, without the native library.\n',
  );
  return 0;
}

main().then(
  (code) => (process.exitCode = code),
  (error) => {
    process.stderr.write(`Setup failed: ${error.message}\n`);
    process.exitCode = 1;
  },
);
