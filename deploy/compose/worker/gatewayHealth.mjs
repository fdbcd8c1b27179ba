// Healthy: the gateway answers, and the version that is active runs. Before the first deployment there is none.
import { request } from 'node:http';

const socketPath = '/var/lib/mediwatch/gateway/admin.sock';
const fail = (why) => {
  console.error(why);
  process.exitCode = 1;
};

request({ socketPath, path: '/status', signal: AbortSignal.timeout(4_000) }, async (answer) => {
  let text = '';
  for await (const chunk of answer) text += chunk;
  const { active } = JSON.parse(text);
  if (answer.statusCode === 200 && (!active || active.state === 'running')) return;
  fail(`Version ${active?.version} is ${active?.state}: read the log of its API process.`);
})
  .once('error', (error) => fail(`The gateway does not answer: ${error.message}`))
  .end();
