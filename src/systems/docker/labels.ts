/** Labels of the containers and images that are ours. */
export const LABELS = {
  key: 'mediwatch.key',
  model: 'mediwatch.model',
  version: 'mediwatch.version',
  run: 'mediwatch.run',
  /** SHA-256 of all that went into an image: the same inputs are the same image. */
  inputs: 'mediwatch.inputs',
  /** SHA-256 of the model's file in the image. */
  digest: 'mediwatch.digest',
  /** Admin address of the gateway that a container belongs to: two installations may share a Docker daemon. */
  gateway: 'mediwatch.gateway',
  /** Key of the step that runs in a container. */
  step: 'mediwatch.step',
  /** Worker that started it: host, process id, and when that process started. */
  owner: 'mediwatch.owner',
} as const;
