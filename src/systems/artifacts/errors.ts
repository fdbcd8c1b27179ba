/** What the store holds under a digest is not what the digest says, or its manifest cannot be used. */
export class ArtifactCorrupt extends Error {
  override name = 'ArtifactCorrupt';
}

/** The store does not hold what a reference or a manifest names. */
export class ArtifactMissing extends Error {
  override name = 'ArtifactMissing';
}

/** The folder of the store is not there: not mounted yet, or named wrongly. */
export class ArtifactStoreUnavailable extends Error {
  override name = 'ArtifactStoreUnavailable';
}
