import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { hasCodec, hasMlflow, hasOwnGateway, hasTemporal, hasWebhook, reachable } from '../config/embedded.ts';
import { fromRoot, variableOf } from '../config.ts';
import { lookAtDisk } from '../systems/disk.ts';
import { holderOf } from '../systems/ports.ts';
import { type Finding, finding } from '../words/findings.ts';
import type { DoctorContext } from './context.ts';
import { askGateway } from './gateway.ts';
import { ask } from './http.ts';
import type { Check } from './run.ts';

/** The disks of our own state and of the artifact store have space. */
export const diskCheck: Check = { name: 'Disk', run: ({ config }) => lookAtDisk(config) };

const LIMIT_MS = 2_000;
const LOOPBACK = '127.0.0.1';

interface Port {
  port: number;
  setting: string;
  part: string;
  /** Address of this host at which it is reached. */
  host: string;
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
    const held = states.filter(({ isHeld }) => isHeld).length;
    return wrong.length > 0 ? wrong : [finding('portsFit', { held, free: ports.length - held })];
  },
};

/** The ports that the stack listens on: what the configuration points elsewhere for is not ours to judge. */
function portsOf({ config }: DoctorContext): Port[] {
  const { stack, webhook } = config;
  const answered =
    (url: string): Port['answers'] =>
    async ({ signal }) => {
      const { status } = await ask(url, { signal });
      if (status !== 200) throw new Error(`${url} answers ${status}`);
    };
  const open = reachable(stack.bind);
  const port = (
    setting:
      | 'temporalPort'
      | 'temporalUiPort'
      | 'mlflowPort'
      | 'apiPort'
      | 'apiAdminPort'
      | 'webhookPort'
      | 'codecPort',
    part: string,
    host: string,
    answers: Port['answers'],
  ): Port[] => {
    const number = stack[setting];
    return number === undefined ? [] : [{ port: number, setting: `stack.${setting}`, part, host, answers }];
  };
  const ui = `http://127.0.0.1:${stack.temporalUiPort}/api/v1/namespaces`;
  const codec = `http://127.0.0.1:${stack.codecPort}/health`;
  const gateway: Port['answers'] = ({ config, signal }) => askGateway(config, signal);
  return [
    ...(hasTemporal(config)
      ? [
          ...port('temporalPort', 'Temporal', LOOPBACK, (context) => context.temporal()),
          ...port('temporalUiPort', 'the Temporal UI', LOOPBACK, answered(ui)),
        ]
      : []),
    ...(hasMlflow(config) ? port('mlflowPort', 'MLflow', LOOPBACK, (context) => context.mlflow().health()) : []),
    ...(hasOwnGateway(config)
      ? [...port('apiAdminPort', 'the gateway', open, gateway), ...port('apiPort', 'the API', open, gateway)]
      : []),
    ...(hasCodec(config) ? port('codecPort', 'the codec server', LOOPBACK, answered(codec)) : []),
    ...(hasWebhook(config) ? port('webhookPort', 'the webhook', open, answered(`${webhook.url}/health`)) : []),
  ];
}

interface PortState extends Pick<Port, 'port' | 'setting' | 'part'> {
  isHeld: boolean;
  /** Whether the part itself answers. */
  answers: boolean;
  /** Process that listens, where it can be found out. */
  holder: string | null;
}

async function stateOf({ port, setting, part, host, answers }: Port, context: DoctorContext): Promise<PortState> {
  const isHeld = await accepts(port, host);
  const answered =
    isHeld &&
    (await answers(context).then(
      () => true,
      () => false,
    ));
  const holder = isHeld && !answered ? await holderOf(port) : undefined;
  const process = holder ? `process ${holder.pid} (${holder.command})` : null;
  return { port, setting, part, isHeld, answers: answered, holder: process };
}

/** Whether something accepts connections there. */
async function accepts(port: number, host: string): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(LIMIT_MS) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Who else of this machine reaches what the embedded stack leaves without a password. */
export const accessCheck: Check = {
  name: 'Access',
  async run({ config }) {
    const open = [hasTemporal(config) ? 'Temporal' : [], hasMlflow(config) ? 'MLflow' : []].flat();
    if (open.length === 0) return [];
    const dir = fromRoot(config, config.stack.dir);
    const state = await stat(dir).catch(() => undefined);
    const isOpen = state !== undefined && (state.mode & 0o077) !== 0;
    const accounts = otherAccounts(await readFile('/etc/passwd', 'utf8').catch(() => ''));
    return [
      ...(isOpen ? [finding('stateOpen', { dir })] : []),
      accounts.length > 0 ? finding('sharedMachine', { open, accounts }) : finding('ownMachine', { open }),
    ];
  },
};

/** Accounts of people (passwd(5)): those that can log in, without root and our own. */
export function otherAccounts(passwd: string, uid = process.getuid?.()): string[] {
  return passwd.split('\n').flatMap((line) => {
    const [name = '', , id = '', , , , shell = ''] = line.split(':');
    const isPerson = Number(id) >= 1_000 && Number(id) < 65_534 && !/(nologin|false)$/.test(shell);
    return isPerson && Number(id) !== uid ? [name] : [];
  });
}

/** A port is wrong when something listens on it that is not the part of ours for which it is meant. */
export function judgePort({ port, setting, part, isHeld, answers, holder }: PortState): Finding[] {
  if (!isHeld || answers) return [];
  return [finding('portTaken', { port, part, setting, variable: variableOf(setting.split('.')), holder })];
}
