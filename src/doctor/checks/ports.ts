import { once } from 'node:events';
import { connect } from 'node:net';
import { holderOf } from '../../stack/portHolder.ts';
import type { Check } from '../check.ts';
import type { DoctorContext } from '../context.ts';
import { ok } from '../finding.ts';
import { judgePort } from '../judge/ports.ts';
import { ask } from '../lib/http.ts';
import { counted } from '../lib/words.ts';

const LIMIT_MS = 2_000;

interface Port {
  port: number;
  setting: string;
  part: string;
  /** Whether the part answers; may reject when it does not. */
  answers(context: DoctorContext): Promise<unknown>;
}

/** The ports of the embedded stack are held by its own parts, or free. */
export const portsCheck: Check = {
  name: 'Ports',
  async run(context) {
    const ports = portsOf(context);
    if (ports.length === 0) return [];
    const states = await Promise.all(ports.map((port) => stateOf(port, context)));
    const wrong = states.flatMap(judgePort);
    const held = states.filter(({ listening }) => listening).length;
    return wrong.length > 0 ? wrong : [ok(`${counted(held, 'port')} held by the stack, ${ports.length - held} free`)];
  },
};

/** The ports that the stack listens on: what the configuration points elsewhere for is not ours to judge. */
function portsOf({ config }: DoctorContext): Port[] {
  const { stack, temporal, mlflow, deployment, webhook } = config;
  const here = (port: number) => [`127.0.0.1:${port}`, `http://127.0.0.1:${port}`];
  const port = (
    setting: 'temporalPort' | 'temporalUiPort' | 'mlflowPort' | 'apiPort' | 'apiAdminPort' | 'webhookPort',
    part: string,
  ) => ({
    port: stack[setting],
    setting: `stack.${setting}`,
    part,
  });
  const answered = (url: string, signal: AbortSignal) =>
    ask(url, { signal }).then(({ status }) => {
      if (status !== 200) throw new Error(`${url} answers ${status}`);
    });
  const gateway = ({ signal }: DoctorContext) => answered(`${deployment.adminUrl}/status`, signal);
  const ui = `http://127.0.0.1:${stack.temporalUiPort}/api/v1/namespaces`;
  return [
    ...(here(stack.temporalPort).includes(temporal.address)
      ? [
          { ...port('temporalPort', 'Temporal'), answers: (context: DoctorContext) => context.temporal() },
          {
            ...port('temporalUiPort', 'the Temporal UI'),
            answers: ({ signal }: DoctorContext) => answered(ui, signal),
          },
        ]
      : []),
    ...(here(stack.mlflowPort).includes(mlflow.uri)
      ? [{ ...port('mlflowPort', 'MLflow'), answers: (context: DoctorContext) => context.mlflow().health() }]
      : []),
    ...(deployment.target !== 'none' && here(stack.apiAdminPort).includes(deployment.adminUrl)
      ? [
          { ...port('apiAdminPort', 'the gateway'), answers: gateway },
          { ...port('apiPort', 'the API'), answers: gateway },
        ]
      : []),
    ...(here(stack.webhookPort).includes(webhook.url)
      ? [
          {
            ...port('webhookPort', 'the webhook'),
            answers: ({ signal }: DoctorContext) => answered(`${webhook.url}/health`, signal),
          },
        ]
      : []),
  ];
}

async function stateOf({ port, setting, part, answers }: Port, context: DoctorContext) {
  const listening = await isHeld(port);
  const answered =
    listening &&
    (await answers(context).then(
      () => true,
      () => false,
    ));
  const holder = listening && !answered ? await holderOf(port) : undefined;
  return {
    port,
    setting,
    part,
    listening,
    answers: answered,
    holder: holder ? `process ${holder.pid} (${holder.command})` : null,
  };
}

/** Whether something accepts connections there on loopback. */
async function isHeld(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(LIMIT_MS) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
