import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const files = (folders: readonly string[]) => folders.map((folder) => `test/${folder}/**/*.test.ts`);

/** Suites that start whole stacks, trainings or browsers: two at a time, after the parts. */
const WHOLE = files(['e2e', 'faults', 'stack', 'doctor', 'examples', 'browser', 'report', 'fuzz', 'security/whole']);
/** Suites that share the Docker daemon: one at a time. */
const CONTAINERS = [...files(['docker', 'compose']), 'test/examples/container.test.ts'];

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

/** Files that take minutes on a busy machine: one that begins last is waited for with idle cores. */
const LONG =
  /cases\/(try|steps|airflow|promotions)|workers\/versions|workflows\/(promote|drift|command|re)|e2e|pipelines|fuzz\/inputs|compose/;

class LongFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => Number(LONG.test(moduleId));
    return (await super.sort(specifications)).toSorted((one, other) => isLong(other) - isLong(one));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    projects: [
      // They wait for servers a quarter of the time: one more than there are cores.
      project('parts', ['test/**/*.test.ts'], 3, 0, [...WHOLE, ...CONTAINERS]),
      project('whole', WHOLE, 2, 1, CONTAINERS),
      project('containers', CONTAINERS, 1, 2),
    ],
  },
});
