import { expect, test } from 'vitest';
import { forModel, modelNames } from '../../src/config.ts';
import { load, messages } from './support.ts';

const TWO = `
search: {trials: 9, sampler: random}
models:
  Readmit:
  Sepsis:
    search: {trials: 4}
    data: {path: sepsis.csv}
    deployment: {target: none}
`;

test('a model has the settings of the file, and its own over them', () => {
  const config = load(TWO);
  const [readmit, sepsis] = [forModel(config, 'Readmit'), forModel(config, 'Sepsis')];
  expect([readmit.search.trials, sepsis.search.trials]).toEqual([9, 4]);
  expect([readmit.search.sampler, sepsis.search.sampler]).toEqual(['random', 'random']);
  expect([readmit.registry.registeredModel, sepsis.registry.registeredModel]).toEqual(['Readmit', 'Sepsis']);
  expect(sepsis.root).toBe(config.root);
});

test('the first model is meant when none is named, or the one that registry names', () => {
  expect(modelNames(load(TWO))).toEqual(['Readmit', 'Sepsis']);
  expect(load(TWO).registry.registeredModel).toBe('Readmit');
  const named = load(`${TWO}registry: {registeredModel: Sepsis}\n`);
  expect(modelNames(named)).toEqual(['Sepsis', 'Readmit']);
  expect(modelNames(load(TWO, { MEDIWATCH_REGISTRY_REGISTERED_MODEL: 'Sepsis' }))).toEqual(['Sepsis', 'Readmit']);
});

test('without the section, there is one model, and settings hold for any name', () => {
  const config = load('registry: {registeredModel: Only}\n');
  expect(modelNames(config)).toEqual(['Only']);
  expect(forModel(config, 'Other').registry.registeredModel).toBe('Other');
});

test('a list of a model replaces the list of the file', () => {
  const text = `${TWO}extraSteps: [{name: a, after: promote, command: [x]}]\n`;
  const config = load(text.replace('search: {trials: 4}', 'extraSteps: [{name: b, after: promote, command: [y]}]'));
  expect(forModel(config, 'Readmit').extraSteps.map(({ name }) => name)).toEqual(['a']);
  expect(forModel(config, 'Sepsis').extraSteps.map(({ name }) => name)).toEqual(['b']);
});

test('each model keeps its drift reports in a folder of its own', () => {
  const config = load(TWO);
  expect(forModel(config, 'Sepsis').monitoring.outDir).toBe('reports/monitoring/Sepsis');
  expect(load('').monitoring.outDir).toBe('reports/monitoring');
});

/** What is wrong with a model, and the messages about it. */
const WRONG: Record<string, [text: string, messages: string[]]> = {
  'a section that cannot differ': [
    'models:\n  A:\n    worker: {slots: 2}\n    mlflow: {uri: http://other}\n',
    [
      '3:5 models.A.worker: cannot differ between models: one worker serves all models',
      '4:14 models.A.mlflow.uri: cannot differ between models: one MLflow keeps them all',
    ],
  ],
  'a wrong setting of a model': [
    'models:\n  A:\n    serch: {}\n    search:\n      trials: x\n      smapler: tpe\n',
    [
      '3:5 models.A.serch: unknown setting; did you mean "search"?',
      '5:15 models.A.search.trials: expected a whole number, such as 20; got the text "x"',
      '6:7 models.A.search.smapler: unknown setting; did you mean "sampler"?',
    ],
  ],
  'a wrong setting of all models, once': [
    'search: {trials: x}\nmodels:\n  A: {search: {sampler: random}}\n  B: {deployment: {target: none}}\n',
    ['1:18 search.trials: expected a whole number, such as 20; got the text "x"'],
  ],
  'an unknown placeholder in a step of a model': [
    'models:\n  A:\n    steps:\n      train: {command: [t, "{sed}"]}\n',
    ['4:28 models.A.steps.train.command[1]: unknown placeholder {sed}, did you mean {seed}?'],
  ],
  'one gateway for two models': [
    'models:\n  A:\n  B:\n    deployment: {healthTimeout: 5}\n',
    [
      expect.stringMatching(
        /^4:5 models\.B\.deployment\.adminUrl: a gateway serves one model, and that at unix:\S+ serves A: give this model /,
      ),
    ],
  ],
  'one prediction log for two models': [
    'monitoring: {log: p.csv}\nmodels:\n  A:\n  B: {deployment: {target: none}}\n',
    [
      '4:3 models.B.monitoring.log: p.csv is the prediction log of A: the drift of one would be found in the ' +
        'predictions of the other',
    ],
  ],
  'one image for two models': [
    'deployment: {target: docker}\ndocker: {option: baked, image: i}\nmodels:\n  A:\n' +
      '  B: {deployment: {adminUrl: "http://b:1"}}\n',
    [
      '5:3 models.B.docker.bakedTag: the image i:withmodel holds the model A: give this model a docker.image or ' +
        'docker.bakedTag of its own',
    ],
  ],
  'a schedule of an unknown model': [
    `${TWO.trim()}\nschedules:\n  n: {workflow: retrain, every: 60, input: {registeredModel: Sepsi}}\n`,
    ['9:62 schedules.n.input.registeredModel: "Sepsi" is none of the models: Readmit, Sepsis; did you mean "Sepsis"?'],
  ],
  'a schedule of a model that is not declared': [
    'registry: {registeredModel: Only}\nschedules:\n  n: {workflow: retrain, every: 60, input: {registeredModel: Onyl}}\n',
    ['3:62 schedules.n.input.registeredModel: "Onyl" is none of the models: Only; did you mean "Only"?'],
  ],
  'a gateway in another spelling': [
    'deployment: {adminUrl: "http://localhost:8001/"}\nmodels:\n  A:\n  B: {deployment: {adminUrl: "http://127.0.0.1:8001"}}\n',
    [
      '4:30 models.B.deployment.adminUrl: a gateway serves one model, and that at http://127.0.0.1:8001 serves A: give ' +
        'this model apiUrl and adminUrl of a gateway of its own, or "target: none"',
    ],
  ],
  'a default that is none of the models': [
    `${TWO.trim()}\nregistry:\n  registeredModel: Other\n`,
    ['9:20 registry.registeredModel: "Other" is none of the models: Readmit, Sepsis'],
  ],
};

test.each(Object.entries(WRONG))('%s is reported with its line', (_, [text, expected]) => {
  expect(messages(text)).toEqual(expected);
});
