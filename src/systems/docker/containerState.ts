import type { CandidateState } from '../deployment/target.ts';
import { API_PORT } from './apiContainer.ts';
import type { ContainerDetails } from './client.ts';
import type { Reach } from './reach.ts';

/** What has become of a container. One whose image has no health check counts as healthy while it runs. */
export function stateOf({ State }: ContainerDetails): { healthy: boolean; state: CandidateState } {
  if (State.Running && !State.Restarting) {
    const health = State.Health?.Status;
    if (!health || health === 'healthy' || (health as string) === 'none') {
      return { healthy: true, state: { state: 'running' } };
    }
    return { healthy: false, state: { state: 'starting', reason: `Docker's health check says ${health}` } };
  }
  if (State.Status === 'created') return { healthy: false, state: { state: 'starting', reason: 'it was not started' } };
  if (State.Restarting) return { healthy: false, state: { state: 'starting', reason: 'Docker starts it again' } };
  const why = State.OOMKilled
    ? 'it used more memory than docker.memoryMb'
    : `it ended with exit code ${State.ExitCode}`;
  const reason = State.Error ? `${why}: ${State.Error}` : why;
  return { healthy: false, state: { state: 'exited', reason, exitCode: State.ExitCode } };
}

/** Where a container answers this host and its gateway; undefined while it has no address. */
export function urlOf({ Name, State, NetworkSettings }: ContainerDetails, by: Reach['by']): string | undefined {
  if (!State.Running) return undefined;
  if (by === 'name') return `http://${Name.slice(1)}:${API_PORT}`;
  if (by === 'port') {
    const port = NetworkSettings.Ports[`${API_PORT}/tcp`]?.[0]?.HostPort;
    return port ? `http://127.0.0.1:${port}` : undefined;
  }
  const address = NetworkSettings.Networks.bridge?.IPAddress;
  return address ? `http://${address}:${API_PORT}` : undefined;
}
