import type { Check } from '../check.ts';
import { type Finding, ok, problem } from '../finding.ts';
import { type Login, loginFor, NoLogin } from '../images/credentials.ts';
import { askPushAccess, type PushAccess } from '../images/pushAccess.ts';
import { type ImageRepository, parseRepository } from '../images/reference.ts';

/** The image registry answers and takes a push, as far as can be told without one. */
export const imageRegistryCheck: Check = {
  name: 'Image registry',
  async run({ config, env, signal }) {
    if (config.deployment.target !== 'docker' || !config.docker.push) return [];
    const repository = parseRepository(config.docker.image);
    try {
      const login = await loginFor(repository.host, config, env);
      return [judgePushAccess(await askPushAccess(repository, login, signal), repository, login)];
    } catch (error) {
      if (!(error instanceof NoLogin)) throw error;
      return [problem(error.message, `correct it, or docker login ${repository.host}`)];
    }
  },
};

/** What a registry's answer means: which login or permission is missing. */
export function judgePushAccess(
  access: PushAccess,
  { host, name }: ImageRepository,
  login: Pick<Login, 'username' | 'source'> | undefined,
): Finding {
  switch (access.kind) {
    case 'allowed':
      return ok(`${host} takes pushes to ${name}${login ? ` from ${login.username} (${login.source})` : ''}`);
    case 'unreachable':
      return problem(
        `it does not answer (${access.reason})`,
        'check docker.image and the network, or docker.push: false',
      );
    case 'notARegistry':
      return problem(`${host} is no image registry (/v2/ answers ${access.status})`, 'correct docker.image');
    case 'denied':
      if (!login) return problem(`${host} wants a login, and there is none`, `docker login ${host}`);
      return problem(
        `${host} refuses ${login.username} (${login.source}) a push to ${name} (status ${access.status})`,
        `docker login ${host} with a token that may write packages (at GitHub: scope write:packages)`,
      );
  }
}
