import type { Config } from '../../config.ts';

/** Processes and threads of one container: far more than a model needs, far fewer than a host has. */
const PIDS = { api: 1_024, step: 4_096 };

/** What no container of ours may do, for the daemon's API: change its image, gain rights, fill the process table. */
export function confinement({ docker: { writable } }: Config) {
  return {
    // Volumes without a name, which go with the container; a tmpfs would count as memory.
    Volumes: Object.fromEntries(writable.map((path) => [path, {}])),
    HostConfig: {
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      PidsLimit: PIDS.api,
    },
  };
}

/** The same for `docker run`. */
export function confinementOptions({ docker: { writable } }: Config): string[] {
  return [
    ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--read-only', '--pids-limit', String(PIDS.step)],
    ...writable.flatMap((path) => ['--volume', path]),
  ];
}
