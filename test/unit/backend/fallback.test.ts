/** What happens without the native library; in processes of their own, since a process loads TensorFlow at most once. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'basin-backend-'));
const module = fileURLToPath(new URL('../../../src-main/compute/backend/index.ts', import.meta.url));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Told {
  name: string;
  reason?: string;
  fix?: string;
  sum: number;
  threads: number;
  more?: unknown;
}

/** Loads a back end in a fresh process, adds two numbers with it, and returns what it said, on both streams; `more` is an expression. */
async function load(
  env: Record<string, string>,
  more = 'undefined',
): Promise<{ told: Told; stderr: string }> {
  const script = `
    import { loadBackend } from ${JSON.stringify(module)};
    const { name, reason, fix, tf, threads, native } = await loadBackend();
    const sum = tf.add(1, 2).dataSync()[0];
    tf.concat([tf.ones([2]), tf.ones([2])]).dataSync(); // tfjs-node asks util.isArray here
    process.stdout.write(JSON.stringify({ name, reason, fix, sum, threads, more: ${more} }));`;
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', script],
    {
      env: { ...process.env, BASIN_BACKEND: '', ...env },
    },
  );
  return { told: JSON.parse(stdout) as Told, stderr };
}

it("falls back to wasm with setup's own reason and remedy", async () => {
  const status = join(folder, 'setup.json');
  writeFileSync(
    status,
    JSON.stringify({
      variant: 'cpu',
      ok: false,
      when: '2026-01-01',
      kind: 'no-compiler',
      reason: 'no C++ compiler',
      fix: 'apt install g++',
    }),
  );
  const { told, stderr } = await load({
    BASIN_BINDING: join(folder, 'absent.node'),
    BASIN_SETUP_STATUS: status,
  });
  expect(told).toEqual({
    name: 'wasm',
    reason: 'no C++ compiler',
    fix: 'apt install g++',
    sum: 3,
    threads: 1,
  });
  expect(stderr).toBe('');
});

it('says that setup has not run where it has left nothing', async () => {
  const { told } = await load({
    BASIN_BINDING: join(folder, 'absent.node'),
    BASIN_SETUP_STATUS: join(folder, 'absent.json'),
  });
  expect(told).toMatchObject({
    name: 'wasm',
    reason: 'the native TensorFlow has not been set up here',
    fix: 'npm run setup',
  });
});

it('falls back with the words of the linker when the binding is broken', async () => {
  const broken = join(folder, 'broken.node');
  writeFileSync(broken, 'not a library');
  const { told } = await load({ BASIN_BINDING: broken });
  expect(told.name).toBe('wasm');
  expect(told.reason).toMatch(/^the native TensorFlow does not load: .*broken\.node/);
  expect(told.sum).toBe(3);
});

it('loads without a word on stderr, with the threads asked for', async () => {
  const { told, stderr } = await load({ BASIN_THREADS: '1', TF_NUM_INTRAOP_THREADS: '' });
  expect(told).toEqual({ name: 'tensorflow', sum: 3, threads: 1 });
  expect(stderr).toBe('');
});

it('says that the CUDA build computes on the processor where there is no GPU', async () => {
  const installed = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json'));
  const binding = join(folder, 'tfjs_binding.node');
  for (const name of ['tfjs_binding.node', 'capture_stderr.node']) {
    copyFileSync(join(installed, 'lib', 'napi-v8', name), join(folder, name));
  }
  writeFileSync(join(folder, 'basin.json'), JSON.stringify({ variant: 'gpu' }));
  const env = { LD_LIBRARY_PATH: join(installed, 'deps', 'lib'), CUDA_VISIBLE_DEVICES: '' };
  // The flags that this build gets for XLA are known to it: else the process would have ended.
  const compiled = "native.compiler.shortfall('xla') ?? 'compiles'";
  const { told } = await load({ BASIN_BINDING: binding, ...env }, compiled);
  expect(told).toMatchObject({ name: 'tensorflow', sum: 3, more: 'compiles' });
  expect(told.reason).toMatch(/^the CUDA build of TensorFlow found no GPU/);
  expect(told.fix).toContain('npm run setup -- --cpu');
});
