import type { BuiltImage } from '../contracts/deployment.ts';
import { deployment } from './lib/activities.ts';
import { conduct, type Job } from './lib/conduct.ts';

/** Builds and pushes an image of the API; one of the same inputs is kept. Nothing that runs is touched. */
export async function buildImage(input?: unknown): Promise<BuiltImage> {
  return conduct('buildImage', input, { stages: [], body, describe: describeImage });
}

async function body({ request, plan, board }: Job<'buildImage'>): Promise<BuiltImage> {
  const { registeredModel } = plan;
  const { version, force = false } = request;
  // Builds that an earlier release began have no such command in their histories.
  if (version && plan.waitingAttribute !== undefined) board.attributes({ version });
  board.waitFor(
    version
      ? `the image with version ${version} of ${registeredModel}: ${HOW}`
      : `the runtime image, without a model: ${HOW}`,
  );
  const { reference, tag, built, pushed, platforms, note } = version
    ? await deployment.bakeImage({ registeredModel, version })
    : await deployment.buildRuntimeImage({ registeredModel, force });
  board.waitFor(null);
  return { reference, tag, built, pushed, platforms, note };
}

const HOW =
  'it is built and pushed, unless nothing that goes into it has changed. The pending activity below tells how far it is.';

function describeImage({ reference, tag, built, pushed, platforms, note }: BuiltImage): string {
  const made = built
    ? `The image ${tag} was built`
    : `Nothing that goes into the image ${tag} had changed: it was kept`;
  const where = pushed ? `, and is in the registry as ${reference}` : `, and was not pushed; its id is ${reference}`;
  const of = platforms.length > 0 ? ` Platforms: ${platforms.join(', ')}.` : '';
  return `${made}${where}.${of}${note && ` ${note}`}`;
}
