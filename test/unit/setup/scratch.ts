/** A clone in miniature: real Python, compiler and npm record, a pip that is a shell script, and a TensorFlow of 20 kB. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const clone = fileURLToPath(new URL('../../..', import.meta.url));

/** What setup compiles instead of tfjs-node's binding. */
const bindingSource = `
#include <node_api.h>
extern "C" int tensorflow_answer();
static napi_value Init(napi_env env, napi_value exports) {
  napi_value text;
  napi_create_string_utf8(env, tensorflow_answer() == 42 ? "0.42" : "wrong", NAPI_AUTO_LENGTH, &text);
  napi_set_named_property(env, exports, "TF_Version", text);
  return exports;
}
NAPI_MODULE(NODE_GYP_MODULE_NAME, Init)
`;

/** The interpreter itself: `python3` on the PATH may be a wrapper that needs more tools than the scratch folder has. */
const realPython = (): string =>
  execFileSync('python3', ['-c', 'import sys; print(sys.executable)']).toString().trim();

/** A Python whose pip does what $FAKE_PIP says and counts its downloads; everything else is the real Python. */
const fakePython = (python: string): string => `#!/bin/sh
if [ "$1 $2" = "-m pip" ]; then
  case "$3 $FAKE_PIP" in
    *" absent") echo "No module named pip" >&2; exit 1 ;;
    "--version "*) echo "pip 99"; exit 0 ;;
  esac
  echo x >> "$FAKE_COUNT"
  while [ $# -gt 0 ]; do [ "$1" = "--dest" ] && dest="$2"; shift; done
  case "$FAKE_PIP" in
    offline) echo "ERROR: Could not install: NewConnectionError: Temporary failure in name resolution" >&2; exit 1 ;;
    full) echo "ERROR: Could not install packages: [Errno 28] No space left on device" >&2; exit 1 ;;
    wrong) echo other > "$dest/tensorflow.whl"; exit 0 ;;
    slow) touch "$FAKE_COUNT.started"; sleep 30 ;;
  esac
  sleep 0.3
  cp "$FAKE_WHEEL" "$dest/tensorflow.whl"
  exit 0
fi
exec ${python} "$@"
`;

export interface Ended {
  code: number | null;
  stderr: string;
}

export class Scratch {
  readonly folder = mkdtempSync(join(tmpdir(), 'basin-setup-'));
  readonly root = join(this.folder, 'clone');
  readonly cache = join(this.folder, 'cache');
  readonly tools = join(this.folder, 'tools');
  readonly #count = join(this.folder, 'downloads');
  readonly #wheel = join(this.folder, 'real.whl');
  readonly #list = join(this.folder, 'wheels.json');

  constructor() {
    this.#makeClone();
    this.#makeTools();
    this.#makeWheel();
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #makeClone(): void {
    const binding = join(this.root, 'node_modules', '@tensorflow', 'tfjs-node-gpu', 'binding');
    mkdirSync(binding, { recursive: true });
    writeFileSync(join(binding, 'tfjs_backend.cc'), '');
    writeFileSync(join(binding, 'tfjs_binding.cc'), bindingSource);
    mkdirSync(join(this.root, 'node_modules', '.bin'));
    symlinkSync(process.execPath, join(this.root, 'node_modules', '.bin', 'node'));
    const headers = `node-${process.platform}-${process.arch}`;
    symlinkSync(join(clone, 'node_modules', headers), join(this.root, 'node_modules', headers));
    symlinkSync(join(clone, 'scripts'), join(this.root, 'scripts'));
    this.writeLock('package-lock.json', '1.0.0');
    this.writeLock('node_modules/.package-lock.json', '1.0.0');
  }

  /** npm's lockfile, or npm's record of what is installed, with one package of this version. */
  writeLock(name: string, version: string): void {
    const packages = { '': {}, 'node_modules/left': { version, integrity: `sha512-${version}` } };
    writeFileSync(join(this.root, name), JSON.stringify({ packages }));
  }

  /** A folder for PATH with nothing in it but what setup calls. */
  #makeTools(): void {
    mkdirSync(this.tools);
    for (const name of ['g++', 'sh', 'cp', 'sleep', 'touch', 'as', 'ld', 'env']) this.link(name);
    writeFileSync(join(this.tools, 'python3'), fakePython(realPython()));
    chmodSync(join(this.tools, 'python3'), 0o755);
  }

  link(name: string): void {
    symlinkSync(execFileSync('which', [name]).toString().trim(), join(this.tools, name));
  }

  remove(name: string): void {
    rmSync(join(this.tools, name));
  }

  /** Replaces a program by a shell script. */
  fake(name: string, script: string): void {
    rmSync(join(this.tools, name), { force: true });
    writeFileSync(join(this.tools, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.tools, name), 0o755);
  }

  #makeWheel(): void {
    const source = join(this.folder, 'wheel', 'tensorflow');
    mkdirSync(join(source, 'include'), { recursive: true });
    writeFileSync(join(source, 'cc.c'), 'int tensorflow_answer(void) { return 42; }');
    writeFileSync(join(source, 'framework.c'), 'int framework;');
    for (const part of ['cc', 'framework']) {
      const name = `libtensorflow_${part}.so.2`;
      const args = [
        '-shared',
        '-fPIC',
        `-Wl,-soname,${name}`,
        '-o',
        join(source, name),
        '-x',
        'c',
        join(source, `${part}.c`),
      ];
      execFileSync('g++', args);
    }
    execFileSync('python3', ['-m', 'zipfile', '-c', this.#wheel, 'tensorflow'], {
      cwd: join(this.folder, 'wheel'),
    });
    const bytes = readFileSync(this.#wheel);
    this.writeList({
      bytes: bytes.length,
      unpacked: 1e5,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
  }

  /** The list of wheels that setup is to fetch: one. */
  writeList(changes: Record<string, unknown>): void {
    const old = existsSync(this.#list)
      ? (JSON.parse(readFileSync(this.#list, 'utf8')) as Record<string, object[]>)
      : {};
    const key = `${process.platform}-${process.arch}-cpu`;
    const wheel = {
      name: 'tensorflow-cpu',
      version: '0.42',
      platform: 'any',
      abi: 'none',
      prefixes: ['tensorflow/'],
    };
    writeFileSync(this.#list, JSON.stringify({ [key]: [{ ...wheel, ...old[key]?.[0], ...changes }] }));
  }

  /** For everything that runs in the scratch clone. */
  environment(pip = 'works'): Record<string, string> {
    return {
      ...{ PATH: this.tools, HOME: this.folder, BASIN_ROOT: this.root, BASIN_CACHE: this.cache },
      ...{ BASIN_WHEEL_LIST: this.#list, FAKE_PIP: pip, FAKE_COUNT: this.#count, FAKE_WHEEL: this.#wheel },
    };
  }

  start(
    pip = 'works',
    args: readonly string[] = [],
    script = 'scripts/setup.mjs',
  ): { child: ChildProcess; ended: Promise<Ended> } {
    const child = spawn(process.execPath, [join(clone, script), ...args], {
      cwd: this.root,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: this.environment(pip),
    });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, stderr })));
    return { child, ended };
  }

  setup(pip = 'works', ...args: string[]): Promise<Ended> {
    return this.start(pip, args).ended;
  }

  /** How often pip was asked to download. */
  downloads(): number {
    return existsSync(this.#count) ? readFileSync(this.#count, 'utf8').length / 2 : 0;
  }

  get downloadStarted(): boolean {
    return existsSync(`${this.#count}.started`);
  }

  status(): Record<string, unknown> {
    return JSON.parse(readFileSync(join(this.root, '.cache', 'setup.json'), 'utf8')) as Record<
      string,
      unknown
    >;
  }

  library(): string {
    return join(this.cache, 'tensorflow-cpu-2.21.0', 'tensorflow', 'libtensorflow_cc.so.2');
  }
}
