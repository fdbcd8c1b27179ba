import { join } from 'node:path';
import { fromRoot } from '../config.ts';
import type { Deployments } from '../systems/deployment/ofModels.ts';
import { type BakedImage, type BuiltImage, dockerLog, type Images } from '../systems/docker/index.ts';
import { whileHeartbeating } from './lib/heartbeat.ts';
import { type ActivityLog, logged, type Shipper } from './lib/logged.ts';

/** Builds and pushes the images of the API. */
export function createImageActivities({ of, shipper }: Pick<Deployments, 'of'> & { shipper: Shipper }) {
  /** The images of a model, and a log that shows what docker says of them. */
  function withImages<Result>(
    registeredModel: string | undefined,
    body: (images: Images, log: ActivityLog) => Promise<Result>,
  ): Promise<Result> {
    const { config, images } = of(registeredModel);
    const folder = join(fromRoot(config, config.stack.dir), 'logs');
    return logged({ config, shipper, name: 'image' }, async (log) => {
      for (const what of ['build', 'push']) log.follow(`docker-${what}`, dockerLog(folder, what));
      return await body(images, log);
    });
  }

  return {
    /** The image without a model, `docker.image:docker.tag`; an image of the same inputs is kept unless forced. */
    buildRuntimeImage: (request: { registeredModel?: string; force?: boolean } = {}): Promise<BuiltImage> =>
      whileHeartbeating(({ signal, progress }) => {
        const { registeredModel, force = false } = request;
        return withImages(registeredModel, async (images, log) => {
          const built = await images.runtime({ force, signal, onProgress: progress });
          log.say(imageText(built));
          return built;
        });
      }),

    /** The image with a version of the model, with all its tags; an image of the same inputs is kept. */
    bakeImage: ({ registeredModel, version }: { registeredModel: string; version: string }): Promise<BakedImage> =>
      whileHeartbeating(({ signal, progress }) =>
        withImages(registeredModel, async (images, log) => {
          const baked = await images.bake(registeredModel, version, { signal, onProgress: progress });
          log.say(imageText(baked));
          await images.release(baked.reference, { signal, onProgress: progress });
          return baked;
        }),
      ),
  };
}

function imageText({ built, tag, reference, platforms }: BuiltImage): string {
  const what = built ? 'Built' : 'Nothing has changed: kept';
  return `${what} ${tag} for ${platforms.join(', ')}: ${reference}`;
}
