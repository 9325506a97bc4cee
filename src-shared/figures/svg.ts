/** Writing SVG: elements as strings, numbers short and stable so that the same figure gives the same bytes. */

export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Three decimals of a point (0.35 micrometres) are enough for print; never "-0" or an exponent. */
export function num(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`svg: ${value} is not a coordinate`);
  // Halves are common (widths are whole thousandths of an em): push them off the edge where the last bit decides.
  const rounded = Math.round(value * 1000 + 1e-5) / 1000;
  return Object.is(rounded, -0) ? '0' : rounded.toFixed(3).replace(/\.?0+$/, '');
}

// XML 1.0 has no place for control characters and lone surrogates, not even escaped.
// eslint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/gu;

export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(forbidden, '\ufffd')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');
}

/** One element. Attributes that are undefined are left out; children are markup already. */
export function element(name: string, attributes: Attributes, children = ''): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? num(value) : escapeXml(String(value))}"`)
    .join('');
  return children === '' ? `<${name}${written}/>` : `<${name}${written}>${children}</${name}>`;
}

/** A path through points; a gap (null) starts a new stroke. */
export function polyline(points: readonly (readonly [number, number] | null)[]): string {
  let path = '';
  let pen = false;
  for (const point of points) {
    if (point === null) {
      pen = false;
      continue;
    }
    path += `${pen ? 'L' : 'M'}${num(point[0])},${num(point[1])}`;
    pen = true;
  }
  return path;
}

/** FNV-1a over UTF-16 units: a short stable name for ids inside one document. */
export function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(36);
}
