import { execa } from 'execa';

/** How images can be built on this host. */
export interface Builder {
  kind: 'buildx' | 'classic';
  /** Driver of the current builder; `docker` builds for one platform only. */
  driver: string;
  platforms: string[];
}

export interface BuildPlan {
  kind: Builder['kind'];
  /** Empty: the builder's own. */
  platforms: string[];
  /** Why fewer platforms are built than were asked for; empty: all are. */
  note: string;
}

/** Finds out whether the buildx plug-in is there and what its current builder can do. */
export async function findBuilder(): Promise<Builder> {
  const { exitCode, stdout } = await execa('docker', ['buildx', 'inspect'], { reject: false, timeout: 20_000 });
  if (exitCode !== 0) return { kind: 'classic', driver: 'docker', platforms: [] };
  return parseBuilder(stdout);
}

/** Reads what `docker buildx inspect` prints. */
export function parseBuilder(text: string): Builder {
  const driver = /^Driver:\s*(\S+)/m.exec(text)?.[1] ?? 'docker';
  const platforms = [...text.matchAll(/^Platforms:\s*(.*)$/gm)].flatMap(([, list = '']) =>
    list.split(',').map((platform) => platform.trim().replace(/\*$/, '')),
  );
  return { kind: 'buildx', driver, platforms: [...new Set(platforms.filter(Boolean))] };
}

/**
 * Which platforms are built. Several need buildx with another driver than `docker`, and a registry: a local image store
 * holds one platform of an image.
 */
export function planBuild(builder: Builder, wanted: readonly string[], push: boolean): BuildPlan {
  const single = (why: string): BuildPlan => ({
    kind: builder.kind,
    platforms: [],
    note: `Only the platform of this host is built, not ${wanted.join(' and ')}: ${why}.`,
  });
  if (wanted.length <= 1) return { kind: builder.kind, platforms: [], note: '' };
  if (builder.kind === 'classic') return single('the buildx plug-in of Docker is not installed');
  if (builder.driver === 'docker') {
    return single('the current builder uses the driver "docker"; "docker buildx create --use" makes one that can');
  }
  const missing = wanted.filter((platform) => !builder.platforms.includes(platform));
  if (missing.length > 0) return single(`the builder cannot build ${missing.join(' and ')}`);
  if (!push) return single('docker.push is false, and several platforms can only be pushed');
  return { kind: 'buildx', platforms: [...wanted], note: '' };
}
