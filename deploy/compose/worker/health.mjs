// Healthy: this worker polls a task queue. Its own metrics say so (worker.metricsAddress, here port 9464).
try {
  const answer = await fetch('http://127.0.0.1:9464/metrics', { signal: AbortSignal.timeout(4_000) });
  const polls = /^temporal_num_pollers\{[^}]*\} [1-9]/m.test(await answer.text());
  if (!polls) console.error('The worker polls no task queue: it does not reach Temporal.');
  process.exitCode = polls ? 0 : 1;
} catch (error) {
  console.error(`The worker shows no metrics: ${error.message}`);
  process.exitCode = 1;
}
