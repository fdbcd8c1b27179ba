import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, fromRoot } from '../../config.ts';
import { containerName } from '../docker/apiContainer.ts';
import { type ContainerDetails, type Docker, LABELS } from '../docker/client.ts';
import { DockerError } from '../docker/errors.ts';

/** The API finishes its open requests within 20 s after SIGTERM. */
const GRACE_SECONDS = 25;
const SAVED_LOG = { lines: 10_000, characters: 5_000_000 };

/** The label of the containers behind the gateway of these settings. */
export const labelOf = (config: Config) => `${LABELS.gateway}=${config.deployment.adminUrl}`;

export function logFileOf(config: Config, key: string): string {
  return join(fromRoot(config, config.stack.dir), 'logs', 'containers', `${containerName(key)}.log`);
}

/** An image that holds a model: only such a one names the digest of its file. */
export function isBaked({ Config: { Labels } }: ContainerDetails): boolean {
  return Labels[LABELS.digest] !== undefined;
}

/** Stops the container of a key, if there is one, and keeps its log. */
export async function endContainer(config: Config, docker: Docker, key: string): Promise<void> {
  const name = containerName(key);
  const details = await docker.inspect(name);
  if (!details) return;
  await docker.stop(name, GRACE_SECONDS);
  const file = logFileOf(config, key);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, await docker.log(name, SAVED_LOG));
  await docker.remove(name);
  // What proved itself keeps its image, for a rollback; of what did not, nothing is left on this host.
  const hasServed = details.HostConfig.RestartPolicy?.Name === 'unless-stopped';
  const version = details.Config.Labels[LABELS.version];
  if (!hasServed && isBaked(details)) await docker.untag(`${config.docker.image}:v${version}`);
}

/** Keys of the containers that the target "docker" has left, of one model or of all; none where there is no Docker. */
export async function leftContainers(config: Config, docker: Docker, model?: string): Promise<string[]> {
  try {
    const found = await docker.labelled(labelOf(config));
    const ofModel = found.filter(({ labels }) => model === undefined || labels[LABELS.model] === model);
    return ofModel.flatMap(({ labels }) => labels[LABELS.key] ?? []);
  } catch (error) {
    if (error instanceof DockerError) return [];
    throw error;
  }
}
