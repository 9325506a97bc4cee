/** The verdict on a GPU: what is outside its tolerance, missing, not finite or not from a GPU is never called right. */
import { describe, expect, test } from 'vitest';
import { reportCheck } from '../../../src-main/cli/check-gpu.ts';
import type { Terminal } from '../../../src-main/cli/terminal.ts';
import { checkDevices, compareItems, toleranceOf } from '../../../src-shared/device-check.ts';
import type { DeviceItem, DeviceNumbers } from '../../../src-shared/device-check.ts';

const item = (values: number[], more: Partial<DeviceItem> = {}): DeviceItem => ({
  ...{ name: 'logits', way: 'eager', precision: 'float32', roundings: 100 },
  ...{ values: Float64Array.from(values), ...more },
});

function numbers(
  device: 'cpu' | 'gpu',
  items: DeviceItem[],
  missing: DeviceNumbers['missing'] = [],
): DeviceNumbers {
  const backend = { name: 'tensorflow' as const, version: '2.21.0', device, threads: 2 };
  const label = `tensorflow 2.21.0 (${device.toUpperCase()})`;
  return { backend, label, deviceName: `a ${device}`, items, missing };
}

describe('tolerances', () => {
  test('are 2 x 4 u sqrt(n), far below what TF32 does to one factor', () => {
    expect(toleranceOf({ precision: 'float32', roundings: 256 })).toBe(8 * 2 ** -24 * 16);
    expect(toleranceOf({ precision: 'float64', roundings: 256 })).toBe(8 * 2 ** -53 * 16);
    expect(toleranceOf({ precision: 'exact', roundings: 256 })).toBe(0);
    expect(toleranceOf({ precision: 'float32', roundings: 256 })).toBeLessThan(2 ** -12 / 25);
  });

  test('are relative to the largest entry', () => {
    const cpu = item([1000, 1e-3]);
    const within = toleranceOf(cpu);
    const [small] = compareItems([item([1000, 1e-3 + 900 * within])], [cpu]);
    expect(small).toMatchObject({ ok: true });
    expect(small!.difference! / within).toBeCloseTo(0.9, 6);
    expect(compareItems([item([1000, 1e-3 + 1100 * within])], [cpu])[0]).toMatchObject({ ok: false });
  });
});

describe('what cannot be compared is not right', () => {
  const cpu = item([1, 2]);
  test.each([
    ['another number of numbers', [item([1])], [cpu], '1 numbers on the GPU, 2 on the processor'],
    ['no numbers', [item([])], [item([])], '0 numbers on the GPU, 0 on the processor'],
    ['NaN on the GPU', [item([1, NaN])], [cpu], 'not finite: NaN on the GPU, 2 on the processor'],
    ['the same infinity on both', [item([1, Infinity])], [item([1, Infinity])], 'not finite: Infinity'],
    ['an item that the GPU lacks', [], [cpu], 'the GPU did not compute these numbers'],
    ['an item that the processor lacks', [cpu], [], 'the processor did not compute these numbers'],
    ['the other way of computing', [cpu], [item([1, 2], { way: 'xla' })], 'did not compute these numbers'],
  ])('%s', (_, gpu, other, problem) => {
    for (const compared of compareItems(gpu, other)) {
      expect(compared).toMatchObject({ ok: false, difference: null });
      expect(compared.problem).toContain(problem);
    }
    expect(compareItems(gpu, other).length).toBeGreaterThan(0);
  });

  test('zeros that are none on the GPU', () => {
    expect(compareItems([item([0, 1e-30])], [item([0, 0])])[0]).toMatchObject({ ok: false });
    expect(compareItems([item([0, 0])], [item([0, 0])])[0]).toMatchObject({ ok: true, difference: 0 });
  });
});

describe('the verdict', () => {
  test('is about a GPU and a processor, with the same library', () => {
    const [gpu, cpu] = [numbers('gpu', [item([1])]), numbers('cpu', [item([1])])];
    expect(() => checkDevices(cpu, cpu)).toThrow('numbers of the gpu come from tensorflow 2.21.0 (CPU)');
    expect(() => checkDevices(gpu, gpu)).toThrow('numbers of the cpu come from tensorflow 2.21.0 (GPU)');
    const older = { ...cpu, backend: { ...cpu.backend, version: '2.20.0' } };
    expect(() => checkDevices(gpu, older)).toThrow('tensorflow 2.21.0 and tensorflow 2.20.0');
    expect(checkDevices(gpu, cpu)).toMatchObject({ ok: true, gpu: { deviceName: 'a gpu' } });
  });

  test('is not ok without items, with one outside, or with a way that was not compared', () => {
    expect(checkDevices(numbers('gpu', []), numbers('cpu', [])).ok).toBe(false);
    const pair = [item([1, 2]), item([1, 2.001], { name: 'loss' })];
    const same = [item([1, 2]), item([1, 2], { name: 'loss' })];
    expect(checkDevices(numbers('gpu', pair), numbers('cpu', same)).ok).toBe(false);
    const missing = [{ way: 'xla' as const, reason: 'no libdevice' }];
    expect(checkDevices(numbers('gpu', same, missing), numbers('cpu', same))).toMatchObject({
      ...{ ok: false, missing: [{ way: 'xla', device: 'gpu', reason: 'no libdevice' }] },
    });
  });

  test('as told: a table, one document, and an error unless all is well', () => {
    const lines: string[] = [];
    const documents: unknown[] = [];
    const plain = (text: string): string => text;
    const terminal = {
      ...{ print: (text: string) => lines.push(text), document: (value: unknown) => documents.push(value) },
      style: { bold: plain, dim: plain, good: plain, bad: plain },
    } as unknown as Terminal;
    const right = numbers('cpu', [item([1, 2])]);
    reportCheck(terminal, checkDevices(numbers('gpu', [item([1, 2])]), right));
    expect(lines.join('\n')).toMatch(/logits +operation by operation +0 +4\.8e-6 +yes/);
    expect(documents).toMatchObject([{ compared: true, ok: true }]);
    const off = checkDevices(
      numbers('gpu', [item([1, 2.001])], [{ way: 'xla', reason: 'no libdevice' }]),
      right,
    );
    expect(() => reportCheck(terminal, off)).toThrow(
      '1 of 1 items are outside their tolerance; a way of computing could not be compared',
    );
    expect(lines.join('\n')).toMatch(/logits +operation by operation +5\.0e-4 +4\.8e-6 +no/);
    expect(lines.join('\n')).toContain('compiled (XLA) does not work on the GPU: no libdevice');
  });
});
