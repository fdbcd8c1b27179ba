// `npm run advisories -- FOLDER`: compares the lock files with advisories in OSV's format (https://ossf.github.io/osv-schema),
// without a network. Exit code 1: a pinned version is affected; 2: the folder holds no advisory.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Pinned, pinnedPackages, pypiName } from './packages.ts';

interface Event {
  introduced?: string;
  fixed?: string;
  last_affected?: string;
}

interface Affected {
  package?: { ecosystem: string; name: string };
  ranges?: Array<{ type: string; events: Event[] }>;
  versions?: string[];
}

interface Advisory {
  id: string;
  summary?: string;
  withdrawn?: string;
  affected?: Affected[];
}

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error('Name the folder of the advisories: npm run advisories -- FOLDER');
  process.exit(2);
}
const advisories = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Advisory)
  .filter(({ id, withdrawn }) => id && !withdrawn);
if (advisories.length === 0) {
  console.error(`${folder} holds no advisory in OSV's format.`);
  process.exit(2);
}
const pinned = Map.groupBy(pinnedPackages(), ({ ecosystem, name }) => `${ecosystem} ${name}`);
const found = advisories.flatMap(({ id, summary = '', affected = [] }) =>
  affected.flatMap((one) => {
    const { ecosystem = '', name = '' } = one.package ?? {};
    const ours = pinned.get(`${ecosystem} ${ecosystem === 'PyPI' ? pypiName(name) : name}`) ?? [];
    return ours.filter((which) => isAffected(which, one)).map((which) => `${nameOf(which)}: ${id} ${summary}`);
  }),
);
for (const line of new Set(found)) console.log(line);
console.log(`${new Set(found).size} findings; ${pinned.size} packages, ${advisories.length} advisories`);
process.exitCode = found.length > 0 ? 1 : 0;

function nameOf({ ecosystem, name, version }: Pinned): string {
  return `${ecosystem} ${name} ${version}`;
}

function isAffected({ version }: Pinned, { ranges = [], versions = [] }: Affected): boolean {
  if (versions.includes(version)) return true;
  return ranges.filter(({ type }) => type !== 'GIT').some(({ events }) => isWithin(version, events));
}

/** OSV's own rule: the last event at or before the version says whether it is affected. */
function isWithin(version: string, events: readonly Event[]): boolean {
  const sorted = events.toSorted((a, b) => compare(boundOf(a), boundOf(b)));
  let inside = false;
  for (const { introduced, fixed, last_affected: last } of sorted) {
    if (introduced !== undefined && (introduced === '0' || compare(version, introduced) >= 0)) inside = true;
    if (fixed !== undefined && compare(version, fixed) >= 0) inside = false;
    if (last !== undefined && compare(version, last) > 0) inside = false;
  }
  return inside;
}

function boundOf({ introduced, fixed, last_affected: last }: Event): string {
  return introduced ?? fixed ?? last ?? '0';
}

/** Versions of npm and PyPI alike: numbers first, a pre-release before its release, a post-release after it. */
function compare(a: string, b: string): number {
  const [left, right] = [a, b].map(
    (text) =>
      text
        .replace(/\+.*$/, '')
        .toLowerCase()
        .match(/\d+|[a-z]+/g) ?? [],
  );
  for (let index = 0; index < Math.max(left?.length ?? 0, right?.length ?? 0); index += 1) {
    const difference = rank(left?.[index]) - rank(right?.[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** "1.0" is "1.0.0". */
function rank(part = '0'): number {
  if (/^\d/.test(part)) return Number(part);
  return part === 'post' ? 0.5 : ({ dev: -4, a: -3, alpha: -3, b: -2, beta: -2 }[part] ?? -1);
}
