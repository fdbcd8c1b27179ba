// The reaper's own process: `node reaperMain.ts <owner> <graceMs>`. It waits for the end of its stdin, which comes when
// its parent is dead, however it died, and then ends every process of that parent. Few imports: it must start at once.
import { killTrees } from './killTree.ts';

/** One line of the pipe. */
export type ReaperMessage = { watch: number; tag: string } | { forget: number };

const [owner = '', graceMs = ''] = process.argv.slice(2);
const tags = new Map<number, string>();
let rest = '';

// Whoever ends the parent often signals its relatives too; this process must outlive that.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => {});

process.stdin.setEncoding('utf8');
process.stdin.on('data', (text: string) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) follow(JSON.parse(line));
});
process.stdin.once('error', () => process.stdin.destroy());
process.stdin.once('close', reap);
// The parent may be dead before this process is up; then nobody wants to know, and the work begins.
process.stdout.on('error', () => {});
process.stdout.write('ready\n');

function follow(message: ReaperMessage): void {
  if ('watch' in message) tags.set(message.watch, message.tag);
  else tags.delete(message.forget);
}

async function reap(): Promise<void> {
  // The owner's own tag covers a process of which it could not tell any more.
  const trees = [...tags].map(([pgid, tag]) => ({ pgid, tag }));
  await killTrees([...trees, { tag: owner }], Number(graceMs));
  process.exit(0);
}
