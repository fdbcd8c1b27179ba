import { activities } from './runtime/activities.ts';
import { workflow } from './runtime/workflow.ts';

/** Builds and pushes an image of the API; one of the same inputs is kept. Nothing that runs is touched. */
export const buildImage = workflow('buildImage', {}, async ({ registeredModel, version, force }, { report }) => {
  if (version) report({ event: 'learned', facts: { version } });
  report({ event: 'waits', waiting: { for: 'image', registeredModel, version } });
  const { reference, tag, built, pushed, platforms, note } = version
    ? await activities.bakeImage({ registeredModel, version })
    : await activities.buildRuntimeImage({ registeredModel, force });
  return { reference, tag, built, pushed, platforms, note };
});
