/** The wheels set-up takes from PyPI, pinned by version and SHA-256. Sizes in bytes: `bytes` to fetch, `unpacked` on disk. */
import { readFileSync } from 'node:fs';

export const tensorflowVersion = '2.21.0';

/** Of a TensorFlow wheel: the two libraries, and the headers that the binding includes. */
const tensorflowParts = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/ctstring',
  'tensorflow/include/tsl/platform/ctstring',
  'tensorflow/include/xla/tsl/c/',
];

const tensorflow = (name, machine, sha256, bytes, unpacked) => ({
  ...{ name, version: tensorflowVersion, platform: `manylinux_2_27_${machine}`, abi: 'cp311' },
  ...{ sha256, bytes, unpacked, prefixes: tensorflowParts },
});

const lists = {
  'linux-x64-cpu': [
    tensorflow(
      'tensorflow-cpu',
      'x86_64',
      '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
      273829956,
      856e6,
    ),
  ],
};

/**
 * The wheels of a variant ('cpu' | 'gpu') for this machine, or undefined where there are none.
 * BASIN_WHEEL_LIST names a JSON file of the same form that is used instead: a TensorFlow of one's own.
 */
export function wheelsFor(variant) {
  const own = process.env.BASIN_WHEEL_LIST;
  const source = own ? JSON.parse(readFileSync(own, 'utf8')) : lists;
  return source[`${process.platform}-${process.arch}-${variant}`];
}
