import { z } from 'zod';

/** A set of files in the artifact store. The same bytes have the same reference on every host. */
export const ArtifactRef = z.strictObject({
  uri: z.string().max(1_000).describe('where the manifest lies, such as mlflow-artifacts:/mediwatch/sha256/ab12…'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('digest of the manifest, which holds the digest of each file'),
  sizeBytes: z.number().int().nonnegative().describe('size of all files together (bytes)'),
});
export type ArtifactRef = z.infer<typeof ArtifactRef>;
