import { join } from 'node:path';
import { type Config, fromRoot } from '../../config.ts';
import type { Candidate } from '../../contracts/deployment.ts';
import { gatewayAt } from '../adminToken.ts';
import { containerName, describeContainer, preparePredictionLog, stateOf, urlOf } from '../docker/apiContainer.ts';
import { type ContainerDetails, followStarts, LABELS } from '../docker/client.ts';
import { chooseImage } from '../docker/images.ts';
import type { DockerSystem } from '../docker/index.ts';
import { createBridge } from '../docker/reach.ts';
import { endContainer, isBaked, labelOf, logFileOf } from './containers.ts';
import { createGatewayClient } from './gatewayClient.ts';
import { type DeploymentTarget, GatewayError } from './target.ts';

/**
 * The API as containers; the gateway, as their proxy, moves the traffic. What serves goes on serving while the Docker
 * daemon is down, if the daemon is configured with live-restore.
 *
 * Its methods also throw {@link DockerError}, `start` also `MlflowError`.
 */
export function createDockerTarget(config: Config, system: DockerSystem): DeploymentTarget {
  const { docker, images } = system;
  const gateway = createGatewayClient(gatewayAt(config));
  const bridge = createBridge(config, docker);
  const state = fromRoot(config, config.stack.dir);
  const ours = labelOf(config);
  const closing = new AbortController();

  /** Tells the gateway where a container answers. */
  async function register(key: string, signal?: AbortSignal) {
    const details = await docker.inspect(containerName(key));
    const { by } = await bridge.reach();
    const url = details && urlOf(details, by);
    if (!details || !url) return null;
    const labels = details.Config.Labels;
    const [model, version] = [labels[LABELS.model], labels[LABELS.version]];
    await gateway.put(key, { model, version, url }, signal);
    return url;
  }

  const following = followStarts({
    docker,
    label: ours,
    signal: closing.signal,
    async onStart(name) {
      const details = await docker.inspect(name);
      const key = details?.Config.Labels[LABELS.key];
      const known = (await gateway.upstreams()).find((upstream) => upstream.key === key);
      const { by } = await bridge.reach();
      if (key && details && known && known.url !== urlOf(details, by)) await register(key);
    },
  });

  return {
    serving: gateway.serving,
    traffic: gateway.traffic,

    async start({ key, model, version }, signal) {
      const name = containerName(key);
      const existing = await docker.inspect(name);
      if (existing) assertSame(existing, { key, model, version });
      // One that was not started may lack its secrets.
      const isMade = existing?.State.Status === 'created';
      if (isMade) await docker.remove(name);
      if (!existing || isMade) {
        const { reference, user, secretsPath, runId } = await chooseImage(config, system, { model, version, signal });
        const logDir = join(state, 'predictions');
        const container = {
          ...{ key, model, version, runId, image: reference, secretsPath, logDir },
          user: await preparePredictionLog(logDir, user),
          reach: await bridge.reach(),
        };
        const { spec, secrets } = await describeContainer(config, container);
        await docker.create(spec);
        if (secrets) await docker.put(name, secrets);
        await docker.start(name);
      }
      // One that has ended stays as it is: its end and its log say what is wrong with it.
      const url = (await register(key, signal)) ?? `http://${name}.invalid`;
      return { key, model, version, url, logFile: logFileOf(config, key) };
    },

    async state(key) {
      const name = containerName(key);
      const details = await docker.inspect(name);
      if (!details) return { state: 'absent' };
      const found = stateOf(details);
      return found.state === 'running' ? found : { ...found, logTail: await docker.log(name) };
    },

    async shift(key, share, signal) {
      // A gateway that was restarted has forgotten all but the one that serves.
      const shifted =
        (await gateway.shift(key, share)) ?? ((await register(key)) ? await gateway.shift(key, share) : null);
      if (!shifted) {
        const message = `There is no container of ${key}; it was stopped, or Docker lost it.`;
        throw new GatewayError(message, { status: 404, retryable: false });
      }
      const details = share === 1 ? await docker.inspect(containerName(key)) : undefined;
      if (details) {
        await docker.setRestartPolicy(details.Name.slice(1), 'unless-stopped');
        if (isBaked(details)) await images.release(details.Config.Image, { signal });
      }
      return shifted;
    },

    async idle() {
      const [upstreams, containers] = await Promise.all([gateway.upstreams(), docker.labelled(ours)]);
      const serving = new Set(upstreams.filter(({ active }) => active).map(({ key }) => key));
      const keys = [...upstreams.map(({ key }) => key), ...containers.map(({ labels }) => labels[LABELS.key] ?? '')];
      return [...new Set(keys)].filter((key) => key && !serving.has(key));
    },

    async stop(key, options) {
      await gateway.remove(key, options);
      await endContainer(config, docker, key);
    },

    async close() {
      closing.abort();
      await following;
      await bridge.close();
      await Promise.all([gateway.close(), system.close()]);
    },
  };
}

function assertSame(
  { Name, Config: { Labels } }: ContainerDetails,
  wanted: Pick<Candidate, 'key' | 'version'> & { model: string },
) {
  const [key, model, version] = [Labels[LABELS.key], Labels[LABELS.model], Labels[LABELS.version]];
  if (key === wanted.key && model === wanted.model && version === wanted.version) return;
  throw new GatewayError(
    `The container ${Name.slice(1)} is not version ${wanted.version} of ${wanted.model} but ${key ? `version ${version} of ${model}` : 'of somebody else'}; it was left as it is.`,
    { retryable: false },
  );
}
