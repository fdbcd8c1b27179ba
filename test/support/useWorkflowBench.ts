import { afterAll, beforeAll } from 'vitest';
import { createWorkflowBench, type WorkflowBench } from './workflowBench.ts';

/** The bench of a test file, for all of its tests: opened before the first, closed after the last. */
export function useWorkflowBench(): WorkflowBench {
  let opened: WorkflowBench | undefined;
  const own = (): WorkflowBench => {
    if (!opened) throw new Error('The bench is there in tests and their hooks only.');
    return opened;
  };
  beforeAll(async () => {
    opened = await createWorkflowBench();
  });
  afterAll(() => opened?.close());
  return {
    get world() {
      return own().world;
    },
    set world(world) {
      own().world = world;
    },
    get client() {
      return own().client;
    },
    start: (type, ...args) => own().start(type, ...args),
    run: (type, ...args) => own().run(type, ...args),
    refusal: (type, ...args) => own().refusal(type, ...args),
    close: () => own().close(),
  };
}
