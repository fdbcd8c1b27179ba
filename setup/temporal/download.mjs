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

/**
 * Downloads the program the way the SDK does: the service names the archive of this platform, and the file in it.
 *
 * @param {string} service base address
 */
export async function downloadTemporal(env, report, service = 'https://temporal.download') {
  const arch = ARCHES[process.arch];
  if (!arch) throw new SetupProblem(`There is no download for processors of the kind ${process.arch}.`);
  report('asking for the download');
  const query = new URLSearchParams({ arch, platform: process.platform, format: 'tar.gz' });
  const { archiveUrl, fileToExtract } = await (await get(`${service}/cli/v${VERSION}?${query}`)).json();
  await withWorkFolder(env, async (folder) => {
    const archive = join(folder, 'temporal.tar.gz');
    await save(await get(archiveUrl), archive, report);
    const untar = await run('tar', ['-xzf', archive, '-C', folder, fileToExtract]);
    if (untar.code !== 0) throw commandProblem('tar', untar);
    await keepTemporal(join(folder, fileToExtract), env);
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

async function save(response, path, report) {
  const total = Number(response.headers.get('content-length'));
  const stall = new AbortController();
  let received = 0;
  let timer = setTimeout(() => stall.abort(), STALL_MS);
  const meter = new Transform({
    transform(chunk, _, next) {
      received += chunk.length;
      clearTimeout(timer);
      timer = setTimeout(() => stall.abort(), STALL_MS);
      report(`downloading ${total ? `${Math.floor((100 * received) / total)} %` : `${received >> 20} MiB`}`);
      next(null, chunk);
    },
  });
  try {
    await pipeline(Readable.fromWeb(response.body), meter, createWriteStream(path), { signal: stall.signal });
  } catch (error) {
    if (!stall.signal.aborted) throw error;
    throw new SetupProblem(`The download stalled after ${received >> 20} MiB.`);
  } finally {
    clearTimeout(timer);
  }
}
