import { expect, test } from 'vitest';
import { createMlflow } from '../../../src/systems/mlflow/index.ts';

async function runUrl(uri: string, uiUrl?: string): Promise<string> {
  const mlflow = createMlflow({ uri, uiUrl, timeoutMs: 1_000 });
  await mlflow.close();
  return mlflow.links.runUrl('1', 'abc');
}

test.each([
  ['the address of the server', 'http://mlflow:5000/', undefined, 'http://mlflow:5000'],
  ['the address of the server, where the setting is empty', 'http://mlflow:5000', '', 'http://mlflow:5000'],
  ['no password', 'http://ada:secret@mlflow:5000/base', undefined, 'http://mlflow:5000/base'],
  ['the address that people reach', 'http://mlflow:5000', 'https://ml.example.org/ui/', 'https://ml.example.org/ui'],
])('links have %s', async (_what, uri, uiUrl, base) => {
  expect(await runUrl(uri, uiUrl)).toBe(`${base}/#/experiments/1/runs/abc`);
});
