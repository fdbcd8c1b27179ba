import type { Deployments } from '../systems/deployment/ofModels.ts';
import type { BakedImage, BuiltImage } from '../systems/docker/index.ts';
import { whileHeartbeating } from './lib/heartbeat.ts';

/** Builds and pushes the images of the API. */
export function createImageActivities({ of }: Pick<Deployments, 'of'>) {
  return {
    /** The image without a model, `docker.image:docker.tag`; an image of the same inputs is kept unless forced. */
    buildRuntimeImage: (request: { registeredModel?: string; force?: boolean } = {}): Promise<BuiltImage> =>
      whileHeartbeating(({ signal, progress }) => {
        const { registeredModel, force = false } = request;
        return of(registeredModel).images.runtime({ force, signal, onProgress: progress });
      }),

    /** The image with a version of the model, with all its tags; an image of the same inputs is kept. */
    bakeImage: ({ registeredModel, version }: { registeredModel: string; version: string }): Promise<BakedImage> =>
      whileHeartbeating(async ({ signal, progress }) => {
        const { images } = of(registeredModel);
        const baked = await images.bake(registeredModel, version, { signal, onProgress: progress });
        await images.release(baked.reference, { signal, onProgress: progress });
        return baked;
      }),
  };
}
