import { describe, expect, it } from 'vitest';
import { resolveVersion } from '../../src/cli/versions/registry.ts';
import { TAGS } from '../../src/contracts/names.ts';
import type { ModelVersion } from '../../src/systems/mlflow/index.ts';

const version = (number: string, tags: Record<string, string> = {}) =>
  ({ version: number, aliases: [], stage: 'None', tags }) as unknown as ModelVersion;

describe('a version is named', () => {
  const versions = [version('3'), version('2', { [TAGS.workflowId]: 'nightly/trainBestAndRegister' }), version('1')];

  it.each([
    ['2', '2'],
    ['newest', '3'],
    ['nightly', '2'],
    ['nightly/promote', '2'],
  ])('by %s', (reference, expected) => {
    expect(resolveVersion('M', versions, reference).version).toBe(expected);
  });

  it.each(['', ' '])('by nothing: that is refused, and stands for no version: "%s"', (reference) => {
    expect(() => resolveVersion('M', versions, reference)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining('empty variable. It has 3, 2, 1') }),
    );
  });

  it('by a stage of no workflow: none is found', () => {
    expect(() => resolveVersion('M', versions, '/promote')).toThrow('M has no version "/promote".');
  });
});
