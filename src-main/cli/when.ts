/** A moment as people read it in a list: `2026-11-22 14:05`, local time. */
export function when(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** A moment as a part of a file's name, `2026-11-22_14-05-09`, UTC: a second run never writes over the first. */
export function fileStamp(now = new Date()): string {
  return now.toISOString().slice(0, 19).replaceAll(':', '-').replace('T', '_');
}
