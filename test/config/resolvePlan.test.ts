import { expect, it } from 'vitest';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';

it('no two sections whose options are laid into one plan have a field of the same name', () => {
  const { training, search, promotion, monitoring, steward } = loadConfig({}, PROJECT_ROOT);
  const names = [training, search, promotion, monitoring, steward].flatMap((section) => Object.keys(section));
  expect(names).toEqual([...new Set(names)]);
});
