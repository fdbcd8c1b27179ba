import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const CACHE = join(tmpdir(), 'mediwatch-test-mlflow');

/** The empty database of an MLflow, which takes it seconds to make: made once for each version. */
export interface EmptyDatabase {
  /** Puts a copy there; false as long as there is none. */
  copyTo(file: string): Promise<boolean>;
  /** Keeps the one that a server has just made. */
  keep(file: string): Promise<void>;
}

/** @param python of the environment that MLflow is installed in */
export async function emptyDatabaseOf(python: string): Promise<EmptyDatabase> {
  const kept = join(
    CACHE,
    `${createHash('sha256')
      .update(`${python} ${await versionsIn(python)}`)
      .digest('hex')
      .slice(0, 16)}.db`,
  );
  return {
    copyTo: (file) =>
      copyFile(kept, file).then(
        () => true,
        () => false,
      ),
    async keep(file) {
      await mkdir(CACHE, { recursive: true });
      const own = `${kept}.${process.pid}`;
      await copyFile(file, own);
      await rename(own, kept);
    },
  };
}

/** What is installed beside MLflow decides on its tables too, as its migrations run by Alembic and SQLAlchemy. */
async function versionsIn(python: string): Promise<string> {
  const lib = join(dirname(python), '..', 'lib');
  const folders = await readdir(lib);
  const packages = await Promise.all(folders.map((name) => readdir(join(lib, name, 'site-packages')).catch(() => [])));
  return packages
    .flat()
    .filter((name) => /^(mlflow|alembic|sqlalchemy)-.*\.dist-info$/i.test(name))
    .sort()
    .join();
}
