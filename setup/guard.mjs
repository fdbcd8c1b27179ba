// `node guard.mjs <command> <args…>`: runs the command, and kills it with all its children when stdin closes, which is
// when the set-up that started it is gone. It must be the leader of its process group.
import { spawn } from 'node:child_process';

const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });

process.stdin.resume();
process.stdin.once('close', () => process.kill(-process.pid, 'SIGKILL'));
child.once('error', (error) => {
  console.error(error.message);
  process.exit(127);
});
child.once('exit', (code) => process.exit(code ?? 1));
