import type { Option } from '../sources.ts';

const WRITES =
  /^(out|output|dest|save|artifacts?|report|results?)(_?(dir|path|folder|file|name))?$|^(model|save)_(out|path|dir)$|^out_\w+$|_out$/;
const READS =
  /^(data|input|in|csv|raw|source|src|dataset|splits?|features|train|processed)(_?(csv|data|path|dir|file|folder|root))*$|^(in|input|data|train|raw)_\w+$/;

/** Whether an option names what the script writes, by its own name. */
export const namesOutput = (option: Option) => isPath(option) && WRITES.test(option.dest.toLowerCase());

/** Whether an option names the data that the script reads. */
export const namesInput = (option: Option) =>
  isPath(option) && !namesOutput(option) && READS.test(option.dest.toLowerCase());

function isPath({ type, default: value, choices, isFlag }: Option): boolean {
  const text = !['int', 'float', 'bool'].includes(type ?? '') && (value === null || typeof value === 'string');
  return text && choices.length === 0 && !isFlag;
}
