/** Numbers and times as people read them. Percent is percent, fractions are fractions: the unit is always said. */

/** `94.6 %`; `–` for nothing. */
export function percent(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined || Number.isNaN(value) ? '–' : `${signed(value, digits)} %`;
}

/** `94.6 ± 0.5 %` */
export function percentWithSpread(
  value: { mean: number; std: number | null } | null | undefined,
  digits = 1,
): string {
  if (!value) return '–';
  const spread = value.std === null ? '' : ` ± ${value.std.toFixed(digits)}`;
  return `${signed(value.mean, digits)}${spread} %`;
}

/** A true minus sign, so that columns of numbers align and read well. */
export function signed(value: number, digits = 1): string {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** Four significant digits, never exponent notation for everyday sizes. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2).replace('-', '−');
  return String(Number(value.toPrecision(4))).replace('-', '−');
}

const counts = new Intl.NumberFormat('en-US');

export function count(value: number): string {
  return counts.format(value);
}

/** `8 s`, `3 min`, `1 h 20 min` */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const padded = (value: number): string => String(value).padStart(2, '0');

/** `14:02`, or with the date when it was not today; on this machine's clock. Tables ask for thousands at a time. */
export function moment(milliseconds: number): string {
  const date = new Date(milliseconds);
  const dayOf = (of: Date): string =>
    `${of.getFullYear()}-${padded(of.getMonth() + 1)}-${padded(of.getDate())}`;
  const time = `${padded(date.getHours())}:${padded(date.getMinutes())}`;
  const day = dayOf(date);
  return day === dayOf(new Date()) ? time : `${day} ${time}`;
}

export function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let index = 0;
  let value = size;
  while (value >= 1000 && index < units.length - 1) {
    value /= 1000;
    index++;
  }
  return `${value < 10 && index > 0 ? value.toFixed(1) : Math.round(value)} ${units[index]}`;
}

/** `1 run`, `3 runs` */
export function plural(quantity: number, one: string, many = `${one}s`): string {
  return `${count(quantity)} ${quantity === 1 ? one : many}`;
}
