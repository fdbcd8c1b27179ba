import { expect, test } from 'vitest';
import { unknownVariables } from '../../src/config/environment.ts';
import { load, messages } from './support.ts';

test('a variable goes before the file, and before those of other tools', () => {
  const text = 'search:\n  trials: 3\nmlflow:\n  uri: http://file\n';
  expect(load(text, { MEDIWATCH_SEARCH_TRIALS: '5' }).search.trials).toBe(5);
  expect(load(text, { MLFLOW_TRACKING_URI: 'http://other' }).mlflow.uri).toBe('http://other');
  const both = { MLFLOW_TRACKING_URI: 'http://other', MEDIWATCH_MLFLOW_URI: 'http://ours' };
  expect(load(text, both).mlflow.uri).toBe('http://ours');
});

test('a wrong variable is named in place of a line', () => {
  expect(messages('search:\n  trials: 3\n', { MEDIWATCH_SEARCH_TRIALS: 'many' })).toEqual([
    'MEDIWATCH_SEARCH_TRIALS search.trials: expected a whole number, such as 20; got the text "many"',
  ]);
});

test('what holds more than one value cannot come from a variable', () => {
  expect(messages('', { MEDIWATCH_STEPS_TRAIN: 'python train.py' })).toEqual([
    'MEDIWATCH_STEPS_TRAIN steps.train: holds more than one value: set it in mediwatch.yaml',
  ]);
});

test('variables that look like settings and are none stop nothing, and are reported with what they may mean', () => {
  const env = {
    MEDIWATCH_SERCH_TRIALS: '5',
    MEDIWATCH_SEARCH_DEPTH: '5',
    MEDIWATCH_SEARCH_TRIALS: '5',
    MEDIWATCH_CONFIG: 'x',
    MEDIWATCH_RESULT: 'x',
    MEDIWATCH_STACK_HOOK: 'x',
    OTHER_SEARCH_TRIALS: '5',
  };
  expect(load('', { ...env, MEDIWATCH_CONFIG: '' }).search.trials).toBe(5);
  const unknown = unknownVariables(env, ['MEDIWATCH_STACK_HOOK']);
  expect(unknown.map(({ variable, message }) => `${variable}: ${message}`)).toEqual([
    'MEDIWATCH_SERCH_TRIALS: no setting is set by this variable; did you mean "MEDIWATCH_SEARCH_TRIALS"?',
    'MEDIWATCH_SEARCH_DEPTH: no setting is set by this variable',
  ]);
});

test('a list is read with spaces behind its commas, as the table of settings prints it', () => {
  const env = { MEDIWATCH_DATA_DROP: ' encounter_id, patient_nbr,', MEDIWATCH_WORKER_ROLES: 'training, deployment' };
  const { data, worker } = load('monitoring:\n  columns: age, weight\n', env);
  expect(data.drop).toEqual(['encounter_id', 'patient_nbr']);
  expect(worker.roles).toEqual(['training', 'deployment']);
  expect(load('monitoring:\n  columns: age, weight\n').monitoring.columns).toEqual(['age', 'weight']);
});

test('no group is null in the file, and an empty text or the word null in a variable', () => {
  expect(load('data:\n  group: null\n').data.group).toBeNull();
  expect(load('data:\n  group: ""\n').data.group).toBeNull();
  expect(load('', { MEDIWATCH_DATA_GROUP: '' }).data.group).toBeNull();
  expect(load('data:\n  group: a\n', { MEDIWATCH_DATA_GROUP: 'null' }).data.group).toBeNull();
  expect(load('data:\n  group: "null"\n').data.group).toBe('null');
  expect(messages('data:\n  group: 5\n')).toEqual([
    '2:10 data.group: expected text or null, such as patient_nbr; got the number 5; put it in quotes: "5"',
  ]);
});
