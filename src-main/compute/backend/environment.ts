/**
 * What TensorFlow and NVIDIA's libraries read from the environment as they load; later changes do nothing. What the
 * person has set already stays.
 */

/** @param cudaBuild the library is the CUDA build that setup fetched: only its flags are known */
export function setEnvironment(threads: number, cudaBuild: boolean): void {
  const { env } = process;
  env['TF_CPP_MIN_LOG_LEVEL'] ||= '2';
  env['TF_NUM_INTRAOP_THREADS'] ||= String(threads);
  env['TF_NUM_INTEROP_THREADS'] ||= '1';
  // From Ampere on GPUs round the factors of float32 products to TF32, 11 of 24 bits, unless they are told not to.
  env['NVIDIA_TF32_OVERRIDE'] ||= '0';
  // Without it the first of several workers takes all the memory of the GPU.
  env['TF_FORCE_GPU_ALLOW_GROWTH'] ||= 'true';
  // One GPU, the first by nvidia-smi's count: tfjs's binding would feed the last one and a session compute on the first.
  env['CUDA_DEVICE_ORDER'] ||= 'PCI_BUS_ID';
  env['CUDA_VISIBLE_DEVICES'] ??= '0';
  if (cudaBuild && !tf32Allowed()) env['XLA_FLAGS'] = withoutTriton(env['XLA_FLAGS'] ?? '');
}

/** The person has asked for products in TF32, which are faster and rounded: NVIDIA_TF32_OVERRIDE=1. */
export const tf32Allowed = (): boolean => (process.env['NVIDIA_TF32_OVERRIDE'] || '0') !== '0';

/** NVIDIA_TF32_OVERRIDE governs NVIDIA's libraries; products that XLA writes itself, with Triton, do not ask it. */
function withoutTriton(flags: string): string {
  if (flags.includes('xla_gpu_enable_triton_gemm')) return flags;
  return `${flags} --xla_gpu_enable_triton_gemm=false`.trim();
}
