/** A folder of images, PNG or JPEG, with a folder for each class. */
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { UserError, messageOf } from '../../../src-shared/errors.ts';
import { shapeText } from '../../../src-shared/images.ts';
import type { ImageShape } from '../../../src-shared/images.ts';
import { fileError, readWholeFile } from '../source.ts';
import { newArray } from './arrays.ts';
import type { ExampleArray, LabelList } from './arrays.ts';

/** Files that systems and viewers leave behind. */
const leftBehind = /^(\..*|thumbs\.db|desktop\.ini)$/i;
/** Of one file, in bytes. */
const largestImage = 2 ** 28;
const imageName = /\.(png|jpe?g)$/i;

export interface ImageFile {
  path: string;
  className: string;
}

/**
 * The images of a folder, by class and name.
 * @throws UserError if there are none, other files among them, or images outside the folders of the classes
 */
export function listImages(folder: string): ImageFile[] {
  const inside = entries(folder);
  const classes = inside.filter(({ isFolder }) => isFolder);
  if (classes.length === 0) {
    throw new UserError(`${folder}: a folder of images needs a folder for each class; it has none.`, {
      hint: 'Put the images of each class into a folder that bears its name.',
    });
  }
  const stray = inside.find(({ name, isFile }) => isFile && imageName.test(name));
  if (stray) {
    throw new UserError(`${join(folder, stray.name)}: the image is in no folder of a class.`, {
      hint: 'Put it into the folder that bears the name of its class, or remove it.',
    });
  }
  return classes.flatMap(({ name: className }) => imagesOf(join(folder, className), className));
}

function imagesOf(folder: string, className: string): ImageFile[] {
  const files = entries(folder);
  const other = files.find(({ name, isFile }) => !isFile || !imageName.test(name));
  if (other) {
    throw new UserError(`${join(folder, other.name)}: a PNG or JPEG image was expected here.`, {
      hint: 'Move everything else out of the folders of the classes.',
    });
  }
  if (files.length === 0) throw new UserError(`${folder}: the folder of class "${className}" is empty.`);
  return files.map(({ name }) => ({ path: join(folder, name), className }));
}

interface Entry {
  name: string;
  isFile: boolean;
  isFolder: boolean;
}

/** What lies in a folder, sorted by name; a link is what it leads to. */
function entries(folder: string): Entry[] {
  try {
    return readdirSync(folder)
      .filter((name) => !leftBehind.test(name))
      .sort()
      .map((name) => {
        const found = statSync(join(folder, name), { throwIfNoEntry: false });
        return { name, isFile: found?.isFile() === true, isFolder: found?.isDirectory() === true };
      });
  } catch (thrown) {
    throw fileError(folder, 'read', thrown);
  }
}

interface Decoded {
  shape: ImageShape;
  /** Channels one behind the other. */
  bytes: Uint8Array;
}

/**
 * Decodes the images, yielding after each one how many there are.
 * @returns [images, channels, height, width], and the class of each
 * @throws UserError naming the file that is damaged, or of another size or kind than the first
 */
export function* readImages(
  folder: string,
  files: readonly ImageFile[],
): Generator<void, { inputs: ExampleArray; labels: LabelList }> {
  let shape: ImageShape | undefined;
  let data = new Uint8Array(0);
  for (const [i, { path }] of files.entries()) {
    const image = decodeImage(path);
    if (!shape) {
      shape = image.shape;
      const size = files.length * image.bytes.length;
      data = newArray(size, folder, () => new Uint8Array(size));
    }
    if (image.shape.join() !== shape.join()) {
      throw new UserError(
        `${path}: an image of ${shapeText(image.shape)} (channels x height x width); the first, ${basename(files[0]!.path)}, has ${shapeText(shape)}. All must be alike.`,
      );
    }
    data.set(image.bytes, i * image.bytes.length);
    yield;
  }
  return {
    inputs: { shape: [files.length, ...shape!], data, source: folder, layout: 'channels-first' },
    labels: {
      values: files.map(({ className }) => className),
      source: folder,
      place: (row) => files[row]!.path,
    },
  };
}

/** Eight bits a channel, one or three channels. @throws UserError for any other image, and a damaged one */
export function decodeImage(path: string): Decoded {
  const bytes = Buffer.from(readWholeFile(path, largestImage).buffer);
  try {
    return bytes[0] === 0x89 ? decodePng(bytes, path) : decodeJpeg(bytes, path);
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown;
    throw new UserError(
      `${path}: the image is damaged or of a kind that is not read (${messageOf(thrown)}).`,
      {
        cause: thrown,
      },
    );
  }
}

function decodePng(file: Buffer, path: string): Decoded {
  // The types of the package leave out what the header says.
  const image = PNG.sync.read(file) as PNG & { depth: number; color: boolean };
  if (image.depth === 16) {
    throw new UserError(`${path}: an image of 16 bits a channel; 8 were expected.`, {
      hint: 'Save the images as a NumPy array instead, which keeps all their bits.',
    });
  }
  const { width, height, data } = image;
  for (let i = 3; i < data.length; i += 4) {
    if (data[i] === 255) continue;
    throw new UserError(
      `${path}: the image is transparent in places; its transparent pixels have no defined colour.`,
      {
        hint: 'Save it without an alpha channel.',
      },
    );
  }
  return planes(data, [image.color ? 3 : 1, height, width]);
}

function decodeJpeg(file: Buffer, path: string): Decoded {
  if (file[0] !== 0xff || file[1] !== 0xd8)
    throw new UserError(`${path}: neither a PNG nor a JPEG image, by its first bytes.`);
  const { width, height, data } = jpeg.decode(file, { useTArray: true, tolerantDecoding: false });
  return planes(data, [isGreyJpeg(file) ? 1 : 3, height, width]);
}

/** One component in the frame's header. */
function isGreyJpeg(file: Buffer): boolean {
  for (let at = 2; at + 9 < file.length;) {
    const marker = file[at + 1]!;
    // Any number of 0xFF may stand before a marker.
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return file[at + 9] === 1;
    at += 2 + file.readUInt16BE(at + 2);
  }
  return false;
}

/** From red, green, blue, alpha of each pixel. */
function planes(rgba: Uint8Array, shape: ImageShape): Decoded {
  const [channels, height, width] = shape;
  const plane = height * width;
  const bytes = new Uint8Array(channels * plane);
  for (let c = 0; c < channels; c++) for (let i = 0; i < plane; i++) bytes[c * plane + i] = rgba[4 * i + c]!;
  return { shape, bytes };
}
