import { chown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Makes the folder of the prediction log, such that a container's user may write it.
 *
 * @param imageUser `User` of the image
 * @returns the user that the container must have; undefined: the image's own
 */
export async function preparePredictionLog(folder: string, imageUser: string): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  // Without rights to give the folder away, the container writes as the one to whom it belongs: us.
  if (uid === undefined) return undefined;
  if (uid !== 0) return `${uid}:${gid}`;
  const owner = /^(\d+)(?::(\d+))?$/.exec(imageUser);
  if (!owner) return undefined;
  const names = await readdir(folder);
  for (const path of [folder, ...names.map((name) => join(folder, name))]) {
    await chown(path, Number(owner[1]), Number(owner[2] ?? owner[1]));
  }
  return undefined;
}
