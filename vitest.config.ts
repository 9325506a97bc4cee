import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,golden,engine,e2e}/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Only ever reached by what hangs: a machine several times slower than a lab's must pass.
    testTimeout: 180_000,
    hookTimeout: 240_000,
    // What is waited for comes from other processes; on a busy machine they take their time.
    expect: { poll: { timeout: 60_000, interval: 50 } },
  },
});
