import type { ActiveSpec } from '../contracts/gateway.ts';
import type { Destination, Upstream } from './proxy.ts';
import type { Traffic } from './traffic.ts';
import type { Upstreams } from './upstreams.ts';

/** Who gets the requests: the active upstream, and a candidate with its share beside it. */
export interface Routes {
  active: ActiveSpec | null;
  candidate: { key: string; share: number } | null;
}

interface Choice extends Routes {
  upstreams: Upstreams;
  traffic: Traffic;
  /** URL that could not be connected to: another one is preferred. */
  avoid: string | undefined;
}

/**
 * Draws where a request goes. In a split each upstream stands in for the other: one that is down costs no request, and
 * each request that it should have had counts as failed there, so that the split is judged by it.
 */
export function chooseDestination({ active, candidate, upstreams, traffic, avoid }: Choice): Destination {
  let second: Upstream | undefined;
  for (const key of drawnFirst({ active, candidate })) {
    const upstream = upstreams.ready(key);
    if (upstream && upstream.url !== avoid) return upstream;
    if (!upstream && avoid === undefined) missed(traffic, key);
    second ??= upstream;
  }
  return second ?? unavailable(active, upstreams);
}

function drawnFirst({ active, candidate }: Routes): string[] {
  const keys = active ? [active.key] : [];
  if (!candidate) return keys;
  return Math.random() < candidate.share ? [candidate.key, ...keys] : [...keys, candidate.key];
}

function missed(traffic: Traffic, key: string): void {
  const visit = traffic.enter(key);
  visit.failed();
  visit.leave();
}

function unavailable(active: ActiveSpec | null, upstreams: Upstreams): Destination {
  if (!active) return { unavailable: 'No model version is deployed.', next: 'run mediwatch retrain' };
  const instance = upstreams.instance(active.key);
  const what = `Version ${active.version} of ${active.model}`;
  const why = instance?.reason() ?? 'it was not started yet';
  return instance?.state() === 'exited'
    ? { unavailable: `${what} is being restarted: ${why}.`, next: `try again soon, or read ${instance.logFile}` }
    : { unavailable: `${what} is starting: ${why}.`, next: 'try again in a few seconds' };
}
