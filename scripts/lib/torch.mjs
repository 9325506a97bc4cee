/** A Python with PyTorch, for tests and benchmarks that compare with it. */

/** Returns { python } or { reason }. */
export async function torchPython() {
  const python = process.env.BASIN_TORCH_PYTHON;
  return python ? { python } : { reason: 'set BASIN_TORCH_PYTHON to a Python with torch' };
}
