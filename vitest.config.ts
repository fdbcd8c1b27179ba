import { defineConfig } from 'vitest/config';

const files = (folders: readonly string[]) => folders.map((folder) => `test/${folder}/**/*.test.ts`);

/** Suites that start whole stacks, trainings or browsers: two at a time, after the parts. */
const WHOLE = files(['e2e', 'faults', 'stack', 'doctor', 'examples', 'browser', 'report', 'fuzz', 'security/whole']);
/** Suites that share the Docker daemon: one at a time, at the end. */
const CONTAINERS = files(['docker', 'compose']);

const shared = {
  // Real processes on two cores: a start of Python takes seconds when another file trains at the same time.
  testTimeout: 120_000,
  hookTimeout: 180_000,
  // A process each: tests change the environment, and what they start must not outlive them.
  pool: 'forks',
  // A busy CI machine may starve a process; what needs a second try is shown as such in the output.
  retry: process.env.CI ? 1 : 0,
} as const;

const project = (name: string, include: string[], maxWorkers: number, groupOrder: number, exclude: string[] = []) => ({
  test: { ...shared, name, include, exclude, maxWorkers, sequence: { groupOrder } },
});

export default defineConfig({
  test: {
    projects: [
      // They wait for servers a quarter of the time: one more than there are cores.
      project('parts', ['test/**/*.test.ts'], 3, 0, [...WHOLE, ...CONTAINERS]),
      project('whole', WHOLE, 2, 1),
      project('containers', CONTAINERS, 1, 2),
    ],
  },
});
