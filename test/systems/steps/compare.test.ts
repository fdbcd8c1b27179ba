import { afterEach, expect, it } from 'vitest';
import { createProject, type TestProject } from '../../support/project.ts';
import { createStepBench, type StepBench } from './bench.ts';

let project: TestProject;
let bench: StepBench;
afterEach(async () => {
  await bench?.close();
  project?.remove();
});

async function compare(evaluate: object, champion: string | null = '1') {
  project = createProject({ steps: { prepare: { skip: true }, evaluate } });
  bench = await createStepBench(project.config);
  const { ref: dataset } = await bench.dataset();
  return await bench.call('compareVersions', {
    dataset,
    registeredModel: project.config.registry.registeredModel,
    challenger: '2',
    champion,
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
