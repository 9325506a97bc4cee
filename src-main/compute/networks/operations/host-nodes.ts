/** Operations on the nodes of a graph in plain doubles, on values [rows, units] in C order. */
import type { HostOperation } from './host-operation.ts';

export const neighbours: HostOperation = ([x], node, _parameter, edges) => {
  if (!edges) throw new Error(`${node.id}: which nodes are neighbours was not said`);
  const units = node.shape[0]!;
  const { sources, targets } = edges;
  const y = Float64Array.from(x!);
  for (let start = 0, end = 0; start < targets.length; start = end) {
    const target = targets[start]!;
    while (end < targets.length && targets[end] === target) end++;
    for (let edge = start; edge < end; edge++)
      for (let unit = 0; unit < units; unit++)
        y[target * units + unit]! += x![sources[edge]! * units + unit]! / (end - start);
  }
  return y;
};

export const log_softmax: HostOperation = ([x], node) => {
  const units = node.shape[0]!;
  const y = new Float64Array(x!.length);
  for (let start = 0; start < x!.length; start += units) {
    const row = x!.subarray(start, start + units);
    const top = row.reduce((most, value) => Math.max(most, value), -Infinity);
    const sum = row.reduce((all, value) => all + Math.exp(value - top), 0);
    row.forEach((value, i) => (y[start + i] = value - top - Math.log(sum)));
  }
  return y;
};
