import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const REQUIREMENTS = ['python/requirements.txt', 'python/requirements-serve.txt', 'python/requirements-dev.txt'];

/** A package that a lock file pins. */
export interface Pinned {
  /** As OSV calls it. */
  ecosystem: 'npm' | 'PyPI';
  name: string;
  version: string;
  /** npm's digest of its archive, as in `sha512-…`. */
  integrity?: string;
}

/** Every package of both lock files, once each; nothing need be installed. */
export function pinnedPackages(): Pinned[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { name?: string; version: string; integrity?: string; link?: boolean }>;
  };
  const npm = Object.entries(packages)
    .filter(([path, { link }]) => path !== '' && !link)
    .map(([path, { name = path.split('node_modules/').at(-1) ?? '', version, integrity }]): Pinned => {
      return { ecosystem: 'npm', name, version, ...(integrity && { integrity }) };
    });
  const python = [...REQUIREMENTS, 'deploy/compose/mlflow/requirements.txt'].flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(/^([\w.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)/gm)].map(
      ([, name = '', version = '']): Pinned => ({ ecosystem: 'PyPI', name: pypiName(name), version }),
    ),
  );
  const all = new Map([...npm, ...python].map((one) => [`${one.ecosystem} ${one.name} ${one.version}`, one]));
  return [...all.values()];
}

/** https://packaging.python.org/en/latest/specifications/name-normalization/ */
export function pypiName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}
