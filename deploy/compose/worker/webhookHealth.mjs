// Healthy: the webhook answers. Whether Temporal does is not asked: it takes alerts again by itself.
try {
  const answer = await fetch('http://127.0.0.1:8002/health', { signal: AbortSignal.timeout(4_000) });
  if (!answer.ok) console.error(`The webhook answers ${answer.status}.`);
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  console.error(`The webhook does not answer: ${error.message}`);
  process.exitCode = 1;
}
