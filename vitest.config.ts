import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const files = (folders: readonly string[]) => folders.map((folder) => `test/${folder}/**/*.test.ts`);

/** Suites that start whole stacks, trainings or browsers. */
const WHOLE = files(['e2e', 'faults', 'stack', 'doctor', 'examples', 'browser', 'report', 'fuzz', 'security/whole']);
/** Suites that share the Docker daemon: one at a time, beside the others. */
const CONTAINERS = [...files(['docker', 'compose']), 'test/examples/{container,init}.test.ts'];
/** What takes minutes, the longest first. */
const LONGEST = ['browser/temporalUi', 'e2e/retrain', 'cases/steps', 'faults/redeploy', 'workflows/driftSteward'];

/**
 * Long files begin first, so that no core waits at the end for the last of them. Those that wait for the Docker daemon
 * are spread among them: two that begin together would keep a worker waiting.
 */
class LongestFirst extends BaseSequencer {
  override async sort(specs: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(specs);
    const containers = sorted.filter(({ project }) => project.name === 'containers');
    const others = sorted.filter(({ project }) => project.name !== 'containers');
    others.sort((a, b) => rank(a) - rank(b));
    for (const [index, spec] of containers.entries()) others.splice(4 * index + 2, 0, spec);
    return others;
  }
}

function rank({ moduleId, project }: TestSpecification): number {
  const place = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  if (place >= 0) return place;
  return project.name === 'whole' ? LONGEST.length : LONGEST.length + 1;
}

const shared = {
  // Real processes on two cores: a start of Python takes seconds when another file trains at the same time.
  testTimeout: 120_000,
  hookTimeout: 180_000,
  // A process each: tests change the environment, and what they start must not outlive them.
  pool: 'forks',
  // They wait for servers a quarter of the time: one more than there are cores.
  maxWorkers: 3,
  // A busy CI machine may starve a process; what needs a second try is shown as such in the output.
  retry: process.env.CI ? 1 : 0,
} as const;

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...shared,
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: [...WHOLE, ...CONTAINERS],
        },
      },
      { test: { ...shared, name: 'whole', include: WHOLE, exclude: CONTAINERS } },
      {
        test: {
          ...shared,
          name: 'containers',
          include: CONTAINERS,
          setupFiles: 'test/support/containersAlone.ts',
        },
      },
    ],
  },
});
