import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import { type Config, fromRoot } from '../../config.ts';
import { causeText } from '../../contracts/errors.ts';
import type { RecordedFiles } from '../../contracts/registry.ts';
import { placeFile } from '../files.ts';
import { projectCommit } from '../revision.ts';
import type { BuiltImage } from './build.ts';
import { DockerError } from './errors.ts';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** What an image was made from. */
interface Origin {
  dockerfile: string;
  buildArgs: Readonly<Record<string, string>>;
  /** The version in it; absent: it holds none. */
  model?: { name: string; version: string; recorded: RecordedFiles | null };
}

/** Writes and signs where an image comes from; gives the file. */
type Signer = (image: BuiltImage, origin: Origin) => Promise<string>;

/**
 * Signs where images come from, if `docker.signingKeyFile` names a key: an in-toto statement with SLSA's provenance in a
 * DSSE envelope, as `cosign verify-blob-attestation` reads it. It lies in `stack.dir`, in a file named by the image's digest.
 *
 * @returns undefined without a key
 * @throws {DockerError} InvalidConfig, when the key cannot be read
 */
export async function openSigner(config: Config): Promise<Signer | undefined> {
  const { signingKeyFile, image: repository } = config.docker;
  if (!signingKeyFile) return undefined;
  const key = await readKey(fromRoot(config, signingKeyFile));
  return async (image, origin) => {
    const digest = image.reference.replace(/^.*sha256:/, '');
    const subject = { name: `${repository}:${image.tag}`, digest: { sha256: digest } };
    const file = join(fromRoot(config, config.stack.dir), 'provenance', `sha256-${digest}.intoto.json`);
    await placeFile(file, `${JSON.stringify(envelope(await describe(config, subject, origin), key))}\n`);
    return file;
  };
}

async function readKey(path: string): Promise<KeyObject> {
  try {
    return createPrivateKey(await readFile(path));
  } catch (error) {
    const message = `docker.signingKeyFile "${path}" is no private key that can be read (${causeText(error)}).`;
    throw new DockerError(
      'InvalidConfig',
      `${message} "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256" makes one.`,
    );
  }
}

/** https://in-toto.io/Statement/v1 with https://slsa.dev/provenance/v1 */
async function describe(config: Config, subject: object, { dockerfile, buildArgs, model }: Origin): Promise<object> {
  const commit = await projectCommit(config.root);
  const [gitCommit] = commit?.split('-') ?? [];
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [subject],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'urn:mediwatch:image:1',
        externalParameters: { dockerfile, buildArgs },
        resolvedDependencies: [
          ...(commit
            ? [{ name: 'project', digest: { gitCommit }, annotations: { changedSince: commit !== gitCommit } }]
            : []),
          ...(model
            ? [
                {
                  name: 'model',
                  uri: `models:/${model.name}/${model.version}`,
                  ...(model.recorded && { digest: { sha256: model.recorded.digest } }),
                },
              ]
            : []),
        ],
      },
      runDetails: {
        builder: { id: 'urn:mediwatch:worker', version: { mediwatch: packageJson.version } },
        metadata: { finishedOn: new Date().toISOString() },
      },
    },
  };
}

/** https://github.com/secure-systems-lab/dsse */
function envelope(statement: object, key: KeyObject): object {
  const payload = Buffer.from(JSON.stringify(statement));
  const signed = Buffer.concat([
    Buffer.from(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `),
    payload,
  ]);
  const sig = sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', signed, key).toString('base64');
  return { payloadType: PAYLOAD_TYPE, payload: payload.toString('base64'), signatures: [{ sig }] };
}
