// Healthy: the gateway answers, and the version that is active runs. Before the first deployment there is none.
try {
  const answer = await fetch('http://127.0.0.1:8001/status', { signal: AbortSignal.timeout(4_000) });
  const { active } = await answer.json();
  const healthy = answer.ok && (!active || active.state === 'running');
  if (!healthy) console.error(`Version ${active?.version} is ${active?.state}: read the log of its API process.`);
  process.exitCode = healthy ? 0 : 1;
} catch (error) {
  console.error(`The gateway does not answer: ${error.message}`);
  process.exitCode = 1;
}
