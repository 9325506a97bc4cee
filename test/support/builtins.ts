/** Which built-in functions a page knows: what a newer browser has and an older one lacks must not be called in it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

/** `structuredClone`, `Object.hasOwn`, `String.prototype.at`: functions that a page can call. */
export function builtinsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const functionsOf = (owner: object, prefix: string): string[] =>
      Object.entries(Object.getOwnPropertyDescriptors(owner)).flatMap(([name, { value }]) =>
        typeof value === 'function' && name !== 'constructor' ? [`${prefix}${name}`] : [],
      );
    const names = functionsOf(globalThis, '');
    const typedArray = Object.getPrototypeOf(Uint8Array) as { prototype: object };
    const owners: [string, unknown][] = [
      // Getters may refuse (`localStorage`), and none of them makes a function.
      ...Object.entries(Object.getOwnPropertyDescriptors(globalThis)).map(
        ([name, { value }]): [string, unknown] => [name, value],
      ),
      ['TypedArray', typedArray],
    ];
    for (const [name, owner] of owners) {
      if (typeof owner !== 'function' && (typeof owner !== 'object' || owner === null)) continue;
      if (['window', 'self', 'parent', 'top', 'frames', 'globalThis', 'document'].includes(name)) continue;
      names.push(...functionsOf(owner, `${name}.`));
      const prototype: unknown = typeof owner === 'function' ? owner.prototype : undefined;
      if (typeof prototype === 'object' && prototype !== null)
        names.push(...functionsOf(prototype, `${name}.prototype.`));
    }
    return [...new Set(names)].sort();
  });
}

/** The text of every script below a folder, by its name. */
export function scriptsIn(folder: string): Map<string, string> {
  const scripts = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (/\.c?js$/.test(entry.name)) scripts.set(entry.name, readFileSync(path, 'utf8'));
  }
  return scripts;
}

/** The language's own objects, and the few of the page that scripts here use directly. */
const owners = new Set([
  ...'Array ArrayBuffer AsyncDisposableStack BigInt DataView Date DisposableStack Error FinalizationRegistry'.split(
    ' ',
  ),
  ...'Function Intl Iterator JSON Map Math Number Object Promise Reflect RegExp Set String Symbol'.split(' '),
  ...'TypedArray WeakMap WeakRef WeakSet AbortController AbortSignal Blob Crypto Document Element'.split(' '),
  ...'HTMLElement Node Range Selection URL URLSearchParams'.split(' '),
]);

/**
 * What `modern` has and `old` lacks, of what can be told from a script's text: a method that some other object has in
 * both (`map`, of arrays and of iterators) cannot.
 */
export function missingIn(old: readonly string[], modern: readonly string[]): string[] {
  const there = new Set(old);
  const methods = new Set(old.filter(isMethod).map(lastPart));
  return modern.filter((name) => {
    if (there.has(name) || (isMethod(name) && methods.has(lastPart(name)))) return false;
    return !name.includes('.') || owners.has(name.split('.')[0]!);
  });
}

const isMethod = (name: string): boolean => name.includes('.prototype.');
const lastPart = (name: string): string => name.split('.').at(-1)!;

/** Of these built-ins the ones that a script seems to call. */
export function calledIn(script: string, builtins: readonly string[]): string[] {
  return builtins.filter((name) => {
    const called = lastPart(name).replaceAll('$', '\\$');
    if (isMethod(name)) return new RegExp(`\\.${called}(\\?\\.)?\\(`).test(script);
    const owner = name.includes('.') ? `${name.split('.')[0]}\\.` : '(?<!function )';
    return new RegExp(`(?<![\\w$.'"\`-])${owner}${called}\\s*\\(`).test(script);
  });
}
