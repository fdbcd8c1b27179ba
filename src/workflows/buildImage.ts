import type { BuiltImage } from '../contracts/deployment.ts';
import { deployment, resolvePlan } from './lib/activities.ts';
import { openBoard } from './lib/board.ts';
import { parseInput } from './lib/input.ts';

/** Builds and pushes an image of the API; one of the same inputs is kept. Nothing that runs is touched. */
export async function buildImage(input?: unknown): Promise<BuiltImage> {
  const request = parseInput('buildImage', input);
  const plan = await resolvePlan(request);
  const board = openBoard([], plan);
  const { registeredModel } = plan;
  const { version, force = false } = request;
  board.waitFor(version ? `the image with version ${version} of ${registeredModel}.` : 'the runtime image.');
  const { reference, tag, built, pushed, platforms, note } = version
    ? await deployment.bakeImage({ registeredModel, version })
    : await deployment.buildRuntimeImage({ registeredModel, force });
  board.waitFor(null);
  return { reference, tag, built, pushed, platforms, note };
}
