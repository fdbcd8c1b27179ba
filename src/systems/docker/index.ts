import { join } from 'node:path';
import { type Config, fromRoot } from '../../config.ts';
import { createMlflow, type Mlflow } from '../mlflow/index.ts';
import { mlflowOptions } from '../mlflow/options.ts';
import { createTransport } from '../mlflow/transport.ts';
import { createReaper, type Reaper } from '../processes/reaper.ts';
import { createDockerCli } from './cli.ts';
import { createDocker, type Docker } from './client.ts';
import { createImages, type Images } from './images.ts';

export type { BuiltImage } from './build.ts';
export { dockerLog } from './cli.ts';
export { DockerError } from './errors.ts';
export type { BakedImage, Images } from './images.ts';

/** Docker as the configuration names it: the daemon, and the images of the API. */
export interface DockerSystem {
  docker: Docker;
  images: Images;
  mlflow: Mlflow;
  close(): Promise<void>;
}

/** Nothing is started or connected to until it is used. */
export function createDockerSystem(config: Config): DockerSystem {
  const options = mlflowOptions(config);
  const [mlflow, transport] = [createMlflow(options), createTransport(options)];
  const { username, passwordFile, passEnv } = config.docker;
  let reaper: Promise<Reaper> | undefined;
  const cli = createDockerCli({
    reaper: () => {
      reaper ??= createReaper();
      return reaper;
    },
    logDir: join(fromRoot(config, config.stack.dir), 'logs'),
    cwd: config.root,
    login: { username, passwordFile: passwordFile && fromRoot(config, passwordFile) },
    passEnv,
  });
  const docker = createDocker();
  return {
    docker,
    mlflow,
    images: createImages({ config, docker, cli, mlflow, transport }),
    async close() {
      await Promise.all([mlflow.close(), transport.close()]);
      await (await reaper)?.close();
    },
  };
}
