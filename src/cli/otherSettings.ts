import type { Config } from '../config.ts';
import { type InForce, settingsInForce } from '../systems/settingsInForce.ts';
import type { Cli } from './cli.ts';

/** In what the processes of this host go by other settings than the file that was read, a sentence for each. */
export function otherSettings(digest: string, inForce: readonly InForce[]): string[] {
  return inForce.flatMap(({ part, pid, digest: own, waiting, refused }) => {
    const who = `The ${part} (process ${pid})`;
    if (refused !== null)
      return [`${who} goes by the settings of before, as mediwatch.yaml cannot be used: run "mediwatch check".`];
    if (own !== digest) return [`${who} goes by another mediwatch.yaml (${own || 'none'}, not ${digest || 'none'}).`];
    if (waiting.length === 0) return [];
    return [`${who} must be restarted to go by what changed in ${waiting.join(', ')} of mediwatch.yaml.`];
  });
}

/** Warns of a process of this host that goes by other settings than this command. */
export function warnOfOtherSettings(cli: Cli, config: Config): void {
  for (const line of otherSettings(config.digest, settingsInForce(config))) cli.say(cli.style('yellow', line));
}
