/** `0.4 s`, `12.3 s`, `4:05`, `1:02:03`: a time as it is read at a glance. */
export function duration(ms: number): string {
  if (ms < 59_950) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const total = Math.round(ms / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(total % 60)}` : `${minutes}:${two(total % 60)}`;
}

/** `2026-01-31 02:00 UTC`, of a Unix time (ms) or an ISO time. */
export function utcMinute(time: number | string): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** `2026-01-31 02:00:07`, of a Unix time (ms), in UTC. */
export function utcSecond(time: number): string {
  return new Date(time).toISOString().slice(0, 19).replace('T', ' ');
}
