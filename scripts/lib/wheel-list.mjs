/** The wheels setup takes from PyPI, pinned by version and SHA-256. Sizes in bytes: `bytes` to fetch, `unpacked` on disk. */
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

/** Of an NVIDIA wheel: the libraries, and of the compiler what the drivers of kernels call. */
const nvidia = (name, version, platform, sha256, bytes, unpacked) => {
  const part = name.replace(/^nvidia-|-cu12$/g, '').replaceAll('-', '_');
  const prefixes = ['lib', 'bin', 'nvvm'].map((folder) => `nvidia/${part}/${folder}/`);
  return { name, version, platform, abi: 'none', sha256, bytes, unpacked, prefixes };
};

/** What TensorFlow 2.21.0 names in its `and-cuda` extra, in the newest versions that it allows. */
const cuda = [
  nvidia(
    'nvidia-cublas-cu12',
    '12.9.3.13',
    'manylinux_2_27_x86_64',
    'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
    581217458,
    855e6,
  ),
  nvidia(
    'nvidia-cuda-cupti-cu12',
    '12.9.79',
    'manylinux_2_25_x86_64',
    '096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f',
    10814997,
    43e6,
  ),
  nvidia(
    'nvidia-cuda-nvcc-cu12',
    '12.9.86',
    'manylinux2010_x86_64',
    '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
    40546229,
    98e6,
  ),
  nvidia(
    'nvidia-cuda-nvrtc-cu12',
    '12.9.86',
    'manylinux2010_x86_64',
    '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
    89568129,
    227e6,
  ),
  nvidia(
    'nvidia-cuda-runtime-cu12',
    '12.9.79',
    'manylinux2014_x86_64',
    '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
    3493179,
    6e6,
  ),
  nvidia(
    'nvidia-cudnn-cu12',
    '9.28.0.42',
    'manylinux_2_27_x86_64',
    '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
    716538495,
    1162e6,
  ),
  nvidia(
    'nvidia-cufft-cu12',
    '11.4.1.4',
    'manylinux2014_x86_64',
    'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
    200877592,
    294e6,
  ),
  nvidia(
    'nvidia-curand-cu12',
    '10.3.10.19',
    'manylinux_2_27_x86_64',
    '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e',
    68295626,
    167e6,
  ),
  nvidia(
    'nvidia-cusolver-cu12',
    '11.7.5.82',
    'manylinux_2_27_x86_64',
    '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
    338117415,
    495e6,
  ),
  nvidia(
    'nvidia-cusparse-cu12',
    '12.5.10.65',
    'manylinux2014_x86_64',
    '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
    366465088,
    487e6,
  ),
  nvidia(
    'nvidia-nccl-cu12',
    '2.32.3',
    'manylinux_2_27_x86_64',
    'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c',
    351526311,
    490e6,
  ),
  nvidia(
    'nvidia-nvjitlink-cu12',
    '12.9.86',
    'manylinux2010_x86_64',
    'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
    39748338,
    96e6,
  ),
];

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
  'linux-x64-gpu': [
    tensorflow(
      'tensorflow',
      'x86_64',
      '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
      572440367,
      1260e6,
    ),
    ...cuda,
  ],
  // For arm64 Google publishes no tensorflow-cpu; its tensorflow has no CUDA there.
  'linux-arm64-cpu': [
    tensorflow(
      'tensorflow',
      'aarch64',
      '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
      281828020,
      884e6,
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
