/** What a file is that lies in the place of IDX data, from its first bytes. */

export interface NotIdx {
  /** "it is an HTML page" */
  what: string;
  /** What to do, without a full stop. */
  instead: string;
}

const startsWith = (head: Buffer, ...bytes: number[]): boolean => bytes.every((byte, i) => head[i] === byte);

/** Undefined if nothing known. `head` is the beginning of the file, unpacked: some hundred bytes. */
export function notIdx(head: Buffer): NotIdx | undefined {
  const text = head.toString('latin1');
  const trimmed = text.trimStart();
  if (/^(<!doctype html|<html|<\?xml|<head|<body)/i.test(trimmed)) {
    const title = /<title>([^<]{1,80})/i.exec(text)?.[1];
    return {
      what: `it is an HTML page${title === undefined ? '' : ` ("${title.trim()}")`}, which a server sent instead of the data`,
      instead: 'download the file again, e.g. with "basin data fetch mnist"',
    };
  }
  if (text.startsWith('version https://git-lfs')) {
    return {
      what: 'it is a Git LFS pointer, not the file itself',
      instead: 'run "git lfs pull" in its repository',
    };
  }
  if (startsWith(head, 0x50, 0x4b, 3, 4) || startsWith(head, 0x50, 0x4b, 5, 6)) {
    return { what: 'it is a zip archive', instead: 'unpack it, and give the folder with the four IDX files' };
  }
  if (head.subarray(257, 262).toString('latin1') === 'ustar') {
    return { what: 'it is a tar archive', instead: 'unpack it, and give the folder with the four IDX files' };
  }
  if (startsWith(head, 0x93) && text.slice(1, 6) === 'NUMPY') {
    return { what: 'it is a NumPy array (.npy)', instead: 'give the four IDX files of the set instead' };
  }
  if (text.startsWith('PAR1'))
    return { what: 'it is a Parquet file', instead: 'give the four IDX files of the set instead' };
  if (startsWith(head, 0x80) && head[1]! <= 5 && head[1]! >= 2) {
    return { what: 'it is a Python pickle', instead: 'give the four IDX files of the set instead' };
  }
  if (isCsv(text)) {
    return {
      what: 'it is a CSV table of digits',
      instead: 'Basin reads the four IDX files of the set, not CSV',
    };
  }
  return undefined;
}

/** Lines of numbers between commas, semicolons or tabs, perhaps below a line of column names. */
function isCsv(text: string): boolean {
  const lines = text.split(/\r?\n/, 3).filter((line) => line !== '');
  const isRow = (line: string): boolean => /^[\s"\d.,;eE+-]+$/.test(line) && /[,;\t].*[,;\t]/.test(line);
  const [first = '', second] = lines;
  return (
    isRow(first) ||
    (/^"?(label|class|pixel|\w*\d+x\d+)"?[,;\t]/i.test(first) && (second === undefined || isRow(second)))
  );
}
