import { z } from 'zod';
import { ArtifactCorrupt } from './errors.ts';

/** A relative path with forward slashes that stays in its folder on every system. */
const SafePath = z
  .string()
  .min(1)
  .refine(
    (path) => !/[\\\0]|^[A-Za-z]:/.test(path) && path.split('/').every((part) => !['', '.', '..'].includes(part)),
    'the path leaves the folder',
  );

const Manifest = z.strictObject({
  version: z.literal(1),
  files: z.array(
    z.strictObject({
      path: SafePath,
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      size: z.number().int().nonnegative(),
    }),
  ),
});
/** The files of a directory by path: which digest and size (bytes) each has. */
type Manifest = z.infer<typeof Manifest>;
export type ManifestFile = Manifest['files'][number];

/** The manifest's bytes; the same files have the same bytes on every host, in whatever order they were found. */
export function encodeManifest(files: readonly ManifestFile[]): string {
  const sorted = files
    .map(({ path, sha256, size }) => ({ path, sha256, size }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return JSON.stringify({ version: 1, files: sorted } satisfies Manifest);
}

/** @throws {ArtifactCorrupt} when it is no manifest, or names a file outside its folder */
export function decodeManifest(text: string, uri: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ArtifactCorrupt(`${uri} is not the manifest of an artifact.`, { cause });
  }
  const parsed = Manifest.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ArtifactCorrupt(`${uri} is not a usable manifest (${issue?.path.join('.')}: ${issue?.message}).`);
}

/** Size of all files together (bytes). */
export function totalSize(files: readonly ManifestFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
