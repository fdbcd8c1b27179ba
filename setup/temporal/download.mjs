import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { commandProblem, SetupProblem } from '../problem.mjs';
import { run } from '../run.mjs';
import { keepTemporal, VERSION } from './find.mjs';
import { withWorkFolder } from './workFolder.mjs';

/** No answer for so long: the network lets nothing through (ms). */
const ANSWER_MS = 10_000;
/** No byte for so long: the download has stalled (ms). */
const STALL_MS = 30_000;
const ARCHES = { x64: 'amd64', arm64: 'arm64' };
const RELEASES = 'https://github.com/temporalio/cli/releases/download';
/** SHA-256 of the archives of VERSION by platform, as several package indexes have recorded them. */
const SHA256 = {
  'linux-x64': 'ddc95e08b0b076efd4ea9733a3f488eb7d2be875f8834e616cd2a37358b4852d',
  'linux-arm64': 'bd1b0db9f18b051026de8bf6cc1505f2510f14bbb7a8b9a4a91fff46c77454f5',
  'darwin-x64': 'bbb73e2a31135abe50a1f1cdb35030c42961df618e8ce9c60ae89f201540c5d9',
  'darwin-arm64': 'cca01b7ea35ad56e2a328d9ae596bf716bd22313ef63c7a761c88354457c2415',
};

/**
 * Downloads the program. Nothing of an archive with another digest is unpacked or run.
 *
 * @param {string} releases base address
 * @param {string | undefined} sha256 digest that the archive must have
 */
export async function downloadTemporal(
  env,
  report,
  releases = RELEASES,
  sha256 = SHA256[`${process.platform}-${process.arch}`],
) {
  if (!sha256) throw new SetupProblem(`There is no download for ${process.platform} on ${process.arch}.`);
  report('asking for the download');
  const name = `temporal_cli_${VERSION}_${process.platform}_${ARCHES[process.arch]}.tar.gz`;
  await withWorkFolder(env, async (folder) => {
    const archive = join(folder, name);
    const found = await save(await get(`${releases}/v${VERSION}/${name}`), archive, report);
    if (found !== sha256) {
      throw new SetupProblem(`${name} has the SHA-256 ${found} instead of ${sha256}: it was not unpacked.`);
    }
    const untar = await run('tar', ['-xzf', archive, '-C', folder, 'temporal']);
    if (untar.code !== 0) throw commandProblem('tar', untar);
    await keepTemporal(join(folder, 'temporal'), env);
  });
}

async function get(url) {
  const answer = new AbortController();
  const timer = setTimeout(() => answer.abort(), ANSWER_MS);
  try {
    const response = await fetch(url, { signal: answer.signal });
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return response;
  } catch (error) {
    const why = answer.signal.aborted ? `no answer in ${ANSWER_MS / 1000} s` : (error.cause?.message ?? error.message);
    throw new SetupProblem(`${new URL(url).host} cannot be used: ${why}.`);
  } finally {
    clearTimeout(timer);
  }
}

/** @returns {Promise<string>} the SHA-256 of what came */
async function save(response, path, report) {
  const total = Number(response.headers.get('content-length'));
  const stall = new AbortController();
  const hash = createHash('sha256');
  let received = 0;
  let timer = setTimeout(() => stall.abort(), STALL_MS);
  const meter = new Transform({
    transform(chunk, _, next) {
      received += chunk.length;
      hash.update(chunk);
      clearTimeout(timer);
      timer = setTimeout(() => stall.abort(), STALL_MS);
      report(`downloading ${total ? `${Math.floor((100 * received) / total)} %` : `${received >> 20} MiB`}`);
      next(null, chunk);
    },
  });
  try {
    await pipeline(Readable.fromWeb(response.body), meter, createWriteStream(path), { signal: stall.signal });
    return hash.digest('hex');
  } catch (error) {
    if (!stall.signal.aborted) throw error;
    throw new SetupProblem(`The download stalled after ${received >> 20} MiB.`);
  } finally {
    clearTimeout(timer);
  }
}
