import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type MlflowServer, startMlflow } from '../../support/mlflow.ts';
import { createProject, type TestProject } from '../../support/project.ts';
import { createStepBench, type StepBench } from './bench.ts';

let server: MlflowServer;
let project: TestProject;
let bench: StepBench;
beforeAll(async () => {
  server = await startMlflow();
});
afterAll(() => server?.stop());
afterEach(async () => {
  await bench?.close();
  project?.remove();
});

async function compare(evaluate: object, before: () => void = () => {}) {
  project = createProject({ steps: { prepare: { skip: true }, evaluate } }, { MEDIWATCH_MLFLOW_URI: server.uri });
  before();
  bench = await createStepBench(project.config);
  const { ref: dataset } = await bench.dataset();
  return await bench.call('compareVersions', {
    dataset,
    registeredModel: project.config.registry.registeredModel,
    challenger: '2',
    champion: '1',
    rules: [],
  });
}

it('a command that takes a version is run for each, on the same data', async () => {
  const command = ['sh', '-c', 'test -f {dataset}/data.csv && echo "roc 0.7$0"', '{version}'];
  const outputs = { pattern: 'roc (?<roc>\\S+)', metrics: { test_auc: 'roc' } };
  expect(await compare({ command, outputs })).toMatchObject({
    challenger: { test_auc: 0.72 },
    champion: { test_auc: 0.71 },
    championProblem: '',
  });
});

it('a champion that the command cannot score is a finding', async () => {
  const command = ['sh', '-c', 'test $0 = 2 && echo "auc 0.7"', '{version}'];
  const comparison = await compare({ command, outputs: { pattern: 'auc (?<test_auc>\\S+)' } });
  expect(comparison).toMatchObject({ challenger: { test_auc: 0.7 }, champion: null });
  expect(comparison.championProblem).toContain('ended with exit code 1');
});

it('a command that knows the contract scores both at once', async () => {
  const models = '"models": {"2": {"test_auc": 0.7}, "1": {"test_auc": 0.6}}';
  const command = [
    'sh',
    '-c',
    `echo '{{"result": {{${models.replaceAll('{', '{{').replaceAll('}', '}}')}}}}}' > $MEDIWATCH_RESULT`,
  ];
  expect(await compare({ command })).toMatchObject({ challenger: { test_auc: 0.7 }, champion: { test_auc: 0.6 } });
});

describe('a champion for which the command writes nothing', () => {
  /** Writes for version 2, the challenger, which is scored first. */
  const writes = (file: string, text: string) => [
    'sh',
    '-c',
    `test $0 = 1 || echo '${text.replaceAll('{', '{{').replaceAll('}', '}}')}' > ${file}`,
    '{version}',
  ];

  it('has no score of the result file', async () => {
    const command = writes('$MEDIWATCH_RESULT', '{"result": {"test_auc": 0.7}}');
    const { challenger, champion } = await compare({ command });
    expect([challenger, champion]).toEqual([{ test_auc: 0.7 }, {}]);
  });

  it.each([
    ['in its output folder', '{output}/metrics.json', /did not write/],
    ['in its work folder', '{workDir}/metrics.json', /is of an earlier run/],
    ['in the project', 'metrics.json', /is of an earlier run/],
  ])('has not the score that the challenger left %s', async (_, file, problem) => {
    const command = writes('$1', '{"test_auc": 0.7}');
    const comparison = await compare({ command: [...command, file], outputs: { file } });
    expect(comparison).toMatchObject({ challenger: { test_auc: 0.7 }, champion: null });
    expect(comparison.championProblem).toMatch(problem);
  });

  it('has not the score in a file that the project brought with it into its copy', async () => {
    const step = { command: ['true', '{version}'], isolate: 'copy', outputs: { file: 'metrics.json' } };
    const compared = compare(step, () => writeFileSync(join(project.dir, 'metrics.json'), '{"test_auc": 0.9}'));
    await expect(compared).rejects.toMatchObject({ cause: { code: 'ofEarlierRun' } });
  });
});

it('a file that was there counts when the command writes it again, with the same content and an older time too', async () => {
  const rewrite = 'echo {{\\"test_auc\\": 0.7}} > metrics.json; touch -d 2001-01-01 metrics.json';
  const outputs = { file: 'metrics.json' };
  expect(await compare({ command: ['sh', '-c', rewrite, '{version}'], outputs })).toMatchObject({
    challenger: { test_auc: 0.7 },
    champion: { test_auc: 0.7 },
  });
});
