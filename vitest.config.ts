import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real processes on two cores: a start of Python takes seconds when another file trains at the same time.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A process each: tests change the environment, and what they start must not outlive them.
    pool: 'forks',
    maxWorkers: 2,
  },
});
