import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fromRoot } from '../../config.ts';
import type { Check } from '../check.ts';
import { type Finding, ok, problem, warning } from '../finding.ts';

/** What an image with its model in it is built from is there. */
export const bakedModelCheck: Check = {
  name: 'Baked model',
  async run({ config }) {
    const { option, context, modelPath, bakedDockerfile } = config.docker;
    if (config.deployment.target !== 'docker' || option !== 'baked') return [];
    const folder = fromRoot(config, context);
    const model = join(folder, modelPath);
    const dockerfile = join(folder, bakedDockerfile);
    return [
      (await isFile(dockerfile))
        ? ok(`${dockerfile} builds the image`)
        : problem(`there is no ${dockerfile}`, 'correct docker.bakedDockerfile or docker.context'),
      await examineModel(model),
    ];
  },
};

async function examineModel(path: string): Promise<Finding> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return warning(`the model file ${path} is missing`, 'mediwatch redeploy, which fetches it from MLflow');
  if (!found.isFile() || found.size === 0)
    return problem(`${path} is not a model file`, `remove it, and mediwatch redeploy`);
  return ok(`${path}, ${(found.size / 2 ** 20).toFixed(1)} MiB`);
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
