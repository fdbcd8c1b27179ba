import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type DataConverter, DefaultFailureConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { type Config, ConfigError, fromRoot } from '../config.ts';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

/** The format of Temporal's samples: nonce, ciphertext and tag in a row; so other codecs with the key read it too. */
const ENCODING = Buffer.from('binary/encrypted');
const KEY_ID = 'encryption-key-id';
const [KEY_BYTES, NONCE_BYTES, TAG_BYTES] = [32, 12, 16];

/** A key, named by a digest of itself, so that every host calls it the same. */
interface Key {
  id: string;
  bytes: Buffer;
}

/** Messages and stack traces of failures travel in a payload: they are plain text otherwise, which no codec sees. */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });

/** Whether payloads are encrypted before they go to Temporal; they are decrypted as long as there are keys. */
export function encrypts({ temporal }: Pick<Config, 'temporal'>): boolean {
  return temporal.encrypt && temporal.encryptionKeys.length > 0;
}

/**
 * How clients and workers write payloads to Temporal, and read them. What is not encrypted is read as well: earlier
 * runs, and what people type into the UI.
 *
 * @throws {ConfigError} when a key cannot be used
 */
export function dataConverterOf(config: Config): DataConverter {
  const failures = encrypts(config) && { failureConverterPath: fileURLToPath(import.meta.url) };
  return { payloadCodecs: [codecOf(config)], ...failures };
}

/** @throws {ConfigError} when a key cannot be used */
export function codecOf(config: Config): PayloadCodec {
  const keys = config.temporal.encryptionKeys.map((file) => readKey(fromRoot(config, file)));
  const [first] = encrypts(config) ? keys : [];
  return {
    encode: async (payloads) => (first ? payloads.map((payload) => encrypt(first, payload)) : payloads),
    decode: async (payloads) => payloads.map((payload) => decrypt(keys, payload)),
  };
}

/**
 * The token that opens the codec server; empty: none does.
 *
 * @throws {ConfigError} when the file cannot be used
 */
export function codecToken(config: Config): string {
  const { codecTokenFile } = config.temporal;
  return codecTokenFile && readPrivate(fromRoot(config, codecTokenFile), 'temporal.codecTokenFile');
}

function readKey(file: string): Key {
  const text = readPrivate(file, 'temporal.encryptionKeys');
  const bytes = Buffer.from(text, /^[0-9a-f]+$/i.test(text) ? 'hex' : 'base64');
  if (bytes.length !== KEY_BYTES) throw refusal(file, 'temporal.encryptionKeys', 'is not 32 bytes in hex or base64');
  return { id: createHash('sha256').update('payload key').update(bytes).digest('hex').slice(0, 16), bytes };
}

function readPrivate(file: string, setting: string): string {
  try {
    if ((statSync(file).mode & 0o077) !== 0) throw refusal(file, setting, 'may be read by other users (chmod 600)');
    const text = readFileSync(file, 'utf8').trim();
    if (text !== '') return text;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw refusal(file, setting, `cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  throw refusal(file, setting, 'is empty');
}

function refusal(file: string, setting: string, why: string): ConfigError {
  const next = 'Make one with "openssl rand -hex 32", mode 0600.';
  return new ConfigError(`${file} ${why}: see ${setting}. Nothing was sent to Temporal. ${next}`);
}

function encrypt({ id, bytes }: Key, payload: Payload): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', bytes, nonce);
  const sealed = [nonce, cipher.update(PayloadMessage.encode(payload).finish()), cipher.final(), cipher.getAuthTag()];
  return { metadata: { encoding: ENCODING, [KEY_ID]: Buffer.from(id) }, data: Buffer.concat(sealed) };
}

/** @throws {ConfigError} when this process lacks the key: it is tried again, so a run waits for a worker that has it */
function decrypt(keys: readonly Key[], payload: Payload): Payload {
  const { metadata, data } = payload;
  if (!metadata?.encoding || !ENCODING.equals(metadata.encoding) || !data) return payload;
  const id = Buffer.from(metadata[KEY_ID] ?? []).toString();
  const key = keys.find((one) => one.id === id);
  if (!key)
    throw new ConfigError(
      `A payload is encrypted with the key "${id}", which temporal.encryptionKeys does not name. Add its file there.`,
    );
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, data.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(data.subarray(-TAG_BYTES));
    const opened = [decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()];
    return PayloadMessage.decode(Buffer.concat(opened));
  } catch {
    // Not written with our key: left as it is, the converter refuses it like any other input that cannot be read.
    return payload;
  }
}
