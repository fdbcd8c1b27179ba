import type { UpstreamView } from '../contracts/gateway.ts';
import type { Routing } from './routing.ts';
import type { Traffic } from './traffic.ts';
import type { Upstreams } from './upstreams.ts';

interface Sources {
  upstreams: Upstreams;
  routing: Routing;
  traffic: Traffic;
}

/** Gives what the admin API shows of the upstream with a key; null when there is none. */
export function createUpstreamViews({ upstreams, routing, traffic }: Sources) {
  return (key: string | null | undefined): UpstreamView | null => {
    const spec = key ? upstreams.spec(key) : undefined;
    if (!spec) return null;
    const instance = upstreams.instance(spec.key);
    const reason = instance?.reason();
    const { active, candidate } = routing.routes();
    const isActive = active?.key === spec.key;
    const candidateShare = candidate?.share ?? 0;
    const ownShare = candidate?.key === spec.key ? candidateShare : 0;
    return {
      key: spec.key,
      kind: instance ? 'process' : 'external',
      model: spec.model,
      version: spec.version,
      url: 'url' in spec ? spec.url : (instance?.url ?? ''),
      ...(instance && { state: instance.state() }),
      ...(reason && { reason }),
      active: isActive,
      share: isActive ? 1 - candidateShare : ownShare,
      traffic: traffic.statistics(spec.key),
    };
  };
}
