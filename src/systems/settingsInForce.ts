import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import { type Config, fromRoot } from '../config.ts';
import { parseJson } from '../contracts/text.ts';
import { isFolderOfDead, ownFolderName } from './processes/processTable.ts';

const InForce = z.object({
  part: z.enum(['worker', 'gateway']),
  pid: z.number().int(),
  /** Of the mediwatch.yaml that it goes by. */
  digest: z.string(),
  /** Sections of the file that need a restart to be in force. */
  waiting: z.array(z.string()),
  /** Why it does not go by the file as it is now; null: it does. */
  refused: z.string().nullable(),
});
export type InForce = z.infer<typeof InForce>;

const folderOf = (config: Config) => join(fromRoot(config, config.stack.dir), 'settings');

/** Lets others of this host know which settings this process goes by, until it ends; what it returns is called on a change. */
export function announceSettings(config: Config, part: InForce['part']) {
  const folder = folderOf(config);
  const file = join(folder, `${part}.${ownFolderName()}.json`);
  const announce = ({ waiting = [], refused = null }: Partial<Pick<InForce, 'waiting' | 'refused'>> = {}) => {
    const inForce: InForce = { part, pid: process.pid, digest: config.digest, waiting, refused };
    try {
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, JSON.stringify(inForce));
    } catch {
      // A full disk is no reason not to serve.
    }
  };
  announce();
  process.once('exit', () => rmSync(file, { force: true }));
  return announce;
}

/** The settings that the processes of this host go by, which share the folder of the stack. */
export function settingsInForce(config: Config): InForce[] {
  const folder = folderOf(config);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.sort().flatMap((name) => {
    const [, owner] = /^(?:worker|gateway)\.(.+)\.json$/.exec(name) ?? [];
    if (!owner || (owner !== ownFolderName() && isFolderOfDead(owner))) return [];
    return InForce.safeParse(parseJson(readText(join(folder, name)))).data ?? [];
  });
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
