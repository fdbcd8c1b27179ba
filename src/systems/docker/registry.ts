import type { DockerCli } from './cli.ts';
import { DockerError } from './errors.ts';
import { type Login, withLogin } from './login.ts';
import { registryOf } from './references.ts';
import { deniedFor } from './refusals.ts';

const TIMEOUT_MS = 30 * 60_000;

interface Beat {
  signal?: AbortSignal | undefined;
  onProgress?: ((line: string) => void) | undefined;
}

/** Moves images between this host and their registry, logged in as configured. */
export function createRegistry({ cli, login }: { cli: DockerCli; login: Login }) {
  return {
    /**
     * Runs a docker command that talks to the registry of an image.
     *
     * @throws {DockerError} PushDenied, saying which login and permission is missing; DockerUnavailable, when the
     *   registry cannot be reached
     */
    async run(what: 'push' | 'pull' | 'build', image: string, args: readonly string[], beat: Beat = {}) {
      try {
        return await withLogin(login, image, (env) =>
          cli.run({ what, image, args, env, timeoutMs: TIMEOUT_MS, ...beat }),
        );
      } catch (error) {
        if (!(error instanceof DockerError) || error.type !== 'PushDenied') throw error;
        throw deniedFor(error, { what, registry: registryOf(image), image, login: login.username });
      }
    },

    push(image: string, tag: string, beat: Beat = {}) {
      return this.run('push', image, ['push', `${image}:${tag}`], beat);
    },

    /** Gives an image of several platforms another tag in the registry; a push would know of this host's platform only. */
    retag(image: string, reference: string, tag: string, beat: Beat = {}) {
      const args = ['buildx', 'imagetools', 'create', '--tag', `${image}:${tag}`, reference];
      return this.run('push', image, args, beat);
    },

    /** @param reference `repository:tag` or `repository@sha256:…` */
    pull(image: string, reference: string, beat: Beat = {}) {
      return this.run('pull', image, ['pull', reference], beat);
    },
  };
}

export type ImageRegistry = ReturnType<typeof createRegistry>;
