import { expect, test } from 'vitest';
import { judge, type Suite, sentence } from './tally.ts';

const suite = (counts: Partial<Suite>): Suite => ({
  name: 's',
  exitCode: 0,
  passed: 0,
  failed: 0,
  skipped: 0,
  ...counts,
});

test('the runners are added up', () => {
  const { problems, total } = judge([suite({ passed: 3 }), suite({ passed: 4, skipped: 2 })]);
  expect(problems).toEqual([]);
  expect(sentence(total)).toBe('7 passed, 0 failed, 2 skipped');
});

test('a failed test is a problem', () => {
  const { problems, total } = judge([suite({ passed: 3, failed: 1, exitCode: 1 })]);
  expect(problems).toEqual(['s: 1 failed.']);
  expect(sentence(total)).toBe('3 passed, 1 failed');
});

test('a runner that ran no test is a failure, whatever the other one did', () => {
  const { problems, total } = judge([suite({ passed: 3 }), suite({ skipped: 2 })]);
  expect(problems).toEqual(['s ran no test (exit code 0).']);
  expect(sentence(total)).toBe('3 passed, 1 failed, 2 skipped');
});

test('a runner that fails although every test passed is a failure', () => {
  const { problems, total } = judge([suite({ passed: 3, exitCode: 1 })]);
  expect(problems).toHaveLength(1);
  expect(total.failed).toBe(1);
});
