import { defineConfig } from 'vitest/config';

/** Suites that start whole stacks or containers: one at a time, each needs the machine. */
const WHOLE = ['e2e', 'faults', 'docker', 'compose', 'stack', 'doctor', 'examples', 'browser', 'report'].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

const shared = {
  // Real processes on two cores: a start of Python takes seconds when another file trains at the same time.
  testTimeout: 60_000,
  hookTimeout: 120_000,
  // A process each: tests change the environment, and what they start must not outlive them.
  pool: 'forks',
  // A busy CI machine may starve a process; what needs a second try is shown as such in the output.
  retry: process.env.CI ? 1 : 0,
} as const;

export default defineConfig({
  test: {
    projects: [
      { test: { ...shared, name: 'parts', include: ['test/**/*.test.ts'], exclude: WHOLE, maxWorkers: 2 } },
      { test: { ...shared, name: 'whole', include: WHOLE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
