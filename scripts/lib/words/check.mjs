/** Looks for words that the glossary bans in every text for people. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { phrases, terms } from './rules.mjs';
import { textsOf } from './texts.mjs';

/**
 * @param {string} text
 * @returns {{ at: number, word: string, write: string }[]} what is banned in it, and what to write instead
 */
export function bannedIn(text) {
  // A single word is a name or an identifier; SQL is not for people.
  if (!/\s/.test(text.trim()) || /\b(?:SELECT|INSERT INTO|UPDATE|CREATE TABLE|ALTER TABLE)\b/.test(text))
    return [];
  return [...terms, ...phrases].flatMap(({ find, write, except }) => {
    const allowed = except ? [...text.matchAll(except)] : [];
    return [...text.matchAll(find)]
      .filter(({ index, 0: word }) => !allowed.some((use) => within(index, word.length, use)))
      .map(({ index, 0: word }) => ({ at: index, word: word.trim(), write }));
  });
}

const within = (at, length, use) => use.index <= at && at + length <= use.index + use[0].length;

/** @returns {string[]} `file:line: "word": write ...`, for each banned word in the texts of a file */
export function bannedInFile(file, source) {
  return textsOf(file, source).flatMap(({ text, line }) =>
    bannedIn(text).map(({ at, word, write }) => {
      const said = word.replace(/\s+/g, ' ');
      return `${file}:${line(at)}: "${said}": write ${write}`;
    }),
  );
}

/** The files with texts for people, among all files of the clone. The tables of the words themselves are left out. */
export function filesToRead(files) {
  return files.filter(
    (file) =>
      /^(?:README|CONTRIBUTING)\.md$|^docs\/.*\.md$|^(?:src-(?:main|shared|renderer)|scripts)\/.*\.(?:[cm]?js|ts|svelte)$/.test(
        file,
      ) && !/^scripts\/lib\/words\/|^docs\/glossary\.md$/.test(file),
  );
}

/** @returns {string[]} as `bannedInFile`, for all files */
export function checkWords(files, folder) {
  return filesToRead(files).flatMap((file) => bannedInFile(file, readFileSync(join(folder, file), 'utf8')));
}
