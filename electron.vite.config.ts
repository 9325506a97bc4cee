import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'electron-vite';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * `BASIN_OLD_ELECTRON=1` builds for Electron 9 (Chromium 83, Node 12), the newest one that package indexes carry whole:
 * the desktop's smoke test runs in it where the current binary cannot be fetched.
 */
const old = process.env.BASIN_OLD_ELECTRON === '1';
const out = process.env.BASIN_BUILD_OUT ?? (old ? 'out/old' : 'out');

/** What Chromium 83 and Node 12 lack, at the head of every chunk. */
const banner = old ? readFileSync(here('scripts/lib/old-electron.cjs'), 'utf8') : '';

/** Flat, so that every chunk finds the project's root at the same distance. */
const commonjs = {
  format: 'cjs',
  entryFileNames: 'index.cjs',
  chunkFileNames: '[name]-[hash].cjs',
  banner,
} as const;

/** Three bundles: the desktop's main side, its preload, and the renderer, which the served app uses as it is. */
export default defineConfig({
  main: {
    build: {
      outDir: here(`${out}/main`),
      target: old ? 'node12' : 'node22',
      externalizeDeps: !old,
      rollupOptions: { input: here('src-main/electron/main.ts'), output: commonjs },
    },
  },
  preload: {
    build: {
      outDir: here(`${out}/preload`),
      target: old ? 'node12' : 'node22',
      externalizeDeps: !old,
      rollupOptions: { input: here('src-main/electron/preload.ts'), output: commonjs },
    },
  },
  renderer: {
    root: here('src-renderer'),
    base: './',
    plugins: [svelte()],
    build: {
      outDir: here(`${out}/renderer`),
      emptyOutDir: true,
      target: old ? 'chrome83' : 'chrome120',
      minify: true,
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 2000,
      rollupOptions: { input: here('src-renderer/index.html'), output: { banner } },
    },
  },
});
