import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import Dockerode from 'dockerode';
import { type Config, fromRoot } from '../config.ts';
import { causeText } from '../contracts/errors.ts';
import { statusOf } from '../systems/docker/errors.ts';
import { type Finding, finding } from '../words/findings.ts';
import type { Check } from './run.ts';

/** A daemon that hangs is not waited for (ms). */
const LIMIT_MS = 5_000;

/** The Docker daemon answers, and has the image of the API. */
export const dockerCheck: Check = {
  name: 'Docker',
  async run({ config }) {
    if (config.deployment.target !== 'docker') return [];
    const engine = new Dockerode({ timeout: LIMIT_MS });
    try {
      const { Version, Os, Arch } = await engine.version();
      const daemon = finding('dockerAnswers', { version: Version, platform: `${Os}/${Arch}` });
      const { baseImage } = config.docker;
      const base = baseImage.includes('@sha256:') ? [] : [finding('baseImageByTag', { baseImage })];
      return [daemon, await examineImage(engine, config), ...base];
    } catch (error) {
      return [finding('dockerAway', { reason: causeText(error) })];
    }
  },
};

/** The runtime image; an image with the model in it is built by the redeploy that needs it. */
async function examineImage(engine: Dockerode, { docker }: Config): Promise<Finding> {
  const isBaked = docker.option === 'baked';
  const image = `${docker.image}:${isBaked ? docker.bakedTag : docker.tag}`;
  try {
    const { Id } = await engine.getImage(image).inspect();
    return finding('imageHere', { image, id: Id.slice(0, 19) });
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    return isBaked ? finding('imageNotBuilt', { image }) : finding('imageNotHere', { image });
  }
}

/** Whether the image of a step is here. One that is not is pulled when the step runs, by the worker that runs it. */
export async function examineStepImage(image: string): Promise<Finding[]> {
  try {
    await new Dockerode({ timeout: LIMIT_MS }).getImage(image).inspect();
    return [];
  } catch (error) {
    if (statusOf(error) === 404) return [finding('stepImageNotHere', { image })];
    return [finding('stepImageUnknown', { image, reason: causeText(error) })];
  }
}

/** What an image with its model in it is built from is there. */
export const bakedModelCheck: Check = {
  name: 'Baked model',
  async run({ config }) {
    const { option, context, modelPath, bakedDockerfile } = config.docker;
    if (config.deployment.target !== 'docker' || option !== 'baked') return [];
    const folder = fromRoot(config, context);
    const dockerfile = join(folder, bakedDockerfile);
    const model = join(folder, modelPath);
    const [recipe, file] = await Promise.all([dockerfile, model].map((path) => stat(path).catch(() => undefined)));
    return [
      recipe?.isFile()
        ? finding('bakedDockerfile', { path: dockerfile })
        : finding('bakedDockerfileMissing', { path: dockerfile }),
      !file
        ? finding('bakedModelMissing', { path: model })
        : file.isFile() && file.size > 0
          ? finding('bakedModel', { path: model, bytes: file.size })
          : finding('bakedModelInvalid', { path: model }),
    ];
  },
};
