import Dockerode from 'dockerode';
import type { Config } from '../../config.ts';
import { statusOf } from '../../systems/docker/errors.ts';
import type { Check } from '../check.ts';
import { type Finding, ok, problem, warning } from '../finding.ts';
import { inWords } from '../lib/words.ts';

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
      return [ok(`daemon ${Version} on ${Os}/${Arch}`), await examineImage(engine, config)];
    } catch (error) {
      const mend = 'start it (systemctl start docker), let this user into the group "docker", or set DOCKER_HOST';
      return [problem(`its daemon does not answer (${inWords(error)})`, mend)];
    }
  },
};

/** The runtime image; an image with the model in it is built by the redeploy that needs it. */
async function examineImage(engine: Dockerode, { docker }: Config): Promise<Finding> {
  const baked = docker.option === 'baked';
  const reference = `${docker.image}:${baked ? docker.bakedTag : docker.tag}`;
  try {
    const { Id } = await engine.getImage(reference).inspect();
    return ok(`image ${reference} is here (${Id.slice(0, 19)})`);
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    if (baked) return warning(`image ${reference} was not built here yet`, 'mediwatch redeploy, which builds it');
    return warning(
      `image ${reference} is not on this machine; a redeploy pulls it`,
      `docker pull ${reference}, or mediwatch build`,
    );
  }
}
