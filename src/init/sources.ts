import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { hasBundled, runBundled } from '../systems/processes/bundled.ts';

const texts = z.array(z.string());
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const number = z.number().nullable();

const Option = z.object({
  command: z.string().nullable().describe('subcommand that takes it; null: all'),
  flag: z.string().nullable().describe('--learning-rate; null for a positional argument'),
  dest: z.string().describe('learning_rate'),
  type: z.string().nullable(),
  default: scalar,
  choices: z.array(scalar),
  required: z.boolean(),
  isFlag: z.boolean(),
  help: z.string(),
});
export type Option = z.infer<typeof Option>;

/** An option of which no more is known than this. */
export const optionOf = (known: Pick<Option, 'flag' | 'dest'> & Partial<Option>): Option => ({
  ...{ command: null, type: null, default: null, choices: [], required: false, isFlag: false, help: '' },
  ...known,
});

/** A name without what differs between a flag and a variable. */
export const folded = (name: string) => name.toLowerCase().replaceAll('-', '_');

const Suggestion = z.object({
  ...{ name: z.string(), kind: z.enum(['int', 'float', 'categorical', 'unknown']) },
  ...{ low: z.number().optional(), high: z.number().optional(), log: z.boolean().optional() },
  choices: z.array(scalar).optional(),
});
export type Suggestion = z.infer<typeof Suggestion>;

const trying = { retries: number, retryDelay: number, timeout: number };

/** What a program does, by its source and by the functions of the project that it calls. Places name arguments: `<out>/m.pkl`. */
const Doing = z.object({
  main: z.boolean(),
  acts: z.boolean().describe('running it does more than define names'),
  imports: texts,
  calls: texts.describe('dotted names of what is called'),
  options: z.array(Option),
  suggestions: z.array(Suggestion),
  environment: z
    .record(z.string(), z.string().nullable())
    .describe('variables that are read, with their defaults: null must be set, an empty one need not'),
  routes: texts,
  mounts: z.record(z.string(), z.string()).describe('prefix of the routes of another source, by its path'),
  apps: texts.describe('variables that hold an application of FastAPI or Flask'),
  experiments: texts,
  trackingUris: texts,
  registeredModels: texts,
  metrics: texts,
  loggedModels: texts,
  reads: texts,
  writes: texts,
  appends: texts,
  models: texts.describe('files that hold a model'),
  prints: texts.describe('"auc {}": what is printed, with braces for values'),
  scores: z.record(z.string(), texts).describe('keys of what is written as JSON, by file'),
  argv: z.number().describe('highest index of sys.argv'),
  overrides: z.boolean().describe('takes key=value, as Hydra does'),
});
export type Doing = z.infer<typeof Doing>;

const Task = z.object({
  id: z.string(),
  operator: z.string(),
  command: z.string().nullable(),
  cwd: z.string().nullable(),
  env: z.record(z.string(), z.string()),
  callable: z.string().nullable(),
  ...trying,
  does: Doing.nullable().describe('what the function does that it calls'),
});
export type Task = z.infer<typeof Task>;

const Dag = z.object({
  id: z.string(),
  cron: z.string().nullable(),
  every: number,
  timeZone: z.string().nullable(),
  tags: texts,
  ...trying,
  tasks: z.array(Task),
  edges: z.array(z.tuple([z.string(), z.string()])),
});

/** What `scan/` says of a source. Times are seconds. */
const Facts = Doing.extend({
  dags: z.array(Dag),
  commands: z.record(z.string(), Doing).describe('what each subcommand does'),
});
export type Facts = z.infer<typeof Facts>;

const Found = z.union([z.object({ error: z.string() }), Facts]);
/** By path what is to be a `Found`. */
type Answer = Record<string, unknown>;

interface Sources {
  facts: ReadonlyMap<string, Facts>;
  unreadable: ReadonlyArray<{ path: string; why: string }>;
}

const SCAN = fileURLToPath(new URL('scan', import.meta.url));
/** A source takes 50 ms; on a machine that is busy with something else, many times that. */
const SCAN_TIMEOUT_MS = { once: 60_000, eachSource: 500 };

/**
 * Says what is in Python sources, by their syntax tree: none of them is run.
 *
 * @param sources text by path
 */
export async function readSources(sources: ReadonlyMap<string, string>): Promise<Sources> {
  if (sources.size === 0) return { facts: new Map(), unreadable: [] };
  return asSources(await scan([...sources]));
}

/** What the scan found, and what it could not read. A source that is odder than was thought of hides no other one. */
export function asSources(answer: Answer): Sources {
  const facts = new Map<string, Facts>();
  const unreadable: Array<{ path: string; why: string }> = [];
  for (const [path, said] of Object.entries(answer)) {
    const { data: found } = Found.safeParse(said);
    if (!found) unreadable.push({ path, why: 'what it says could not be made out' });
    else if ('error' in found) unreadable.push({ path, why: found.error });
    else facts.set(path, found);
  }
  return { facts, unreadable };
}

async function scan(sources: Array<[string, string]>): Promise<Answer> {
  const { exitCode, stdout, shortMessage } = await runBundled(['-I', '-S', '-B', SCAN], {
    python: hasBundled() ? undefined : 'python3', // it only parses
    input: JSON.stringify(Object.fromEntries(sources)),
    timeoutMs: SCAN_TIMEOUT_MS.once + sources.length * SCAN_TIMEOUT_MS.eachSource,
  });
  if (exitCode === 0) return JSON.parse(stdout);
  // A source can take the parser down with it: halving finds it, and the others are read all the same.
  const [only] = sources;
  if (only && sources.length === 1) return { [only[0]]: { error: shortMessage ?? 'Python could not read it' } };
  const half = Math.ceil(sources.length / 2);
  return { ...(await scan(sources.slice(0, half))), ...(await scan(sources.slice(half))) };
}
