import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ConfigSchema } from '../../src/config/schema.ts';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { declaredSchedules } from '../../src/systems/schedules/declared.ts';

const SHIPPED = readFileSync(join(PROJECT_ROOT, 'mediwatch.yaml'), 'utf8');

/** The file with every setting in it switched on: `#data:` and `#  path: …`, but not `# A sentence.` */
const switchedOn = () => parse(SHIPPED.replace(/^#(?=\w| {2}\S)/gm, '')) as Record<string, Record<string, unknown>>;

test('the mediwatch.yaml of the project changes no setting but the schedules', () => {
  expect(Object.keys(parse(SHIPPED))).toEqual(['schedules']);
  expect(loadConfig({}, PROJECT_ROOT).root).toBe(PROJECT_ROOT);
});

test('the mediwatch.yaml of the project declares a nightly drift check, then a nightly retrain', () => {
  const { schedules } = loadConfig({}, PROJECT_ROOT);
  expect(schedules).toMatchObject({
    'nightly-drift-check': { workflow: 'driftCheck', cron: '0 1 * * *', overlap: 'skip', catchupWindow: 3600 },
    'nightly-retrain': { workflow: 'retrain', cron: '0 2 * * *', overlap: 'skip', catchupWindow: 3600 },
  });
  expect(declaredSchedules(schedules)).toHaveLength(2);
});

test('what the mediwatch.yaml of the project shows are the defaults', () => {
  const defaults = ConfigSchema.parse({}) as unknown as Record<string, Record<string, unknown>>;
  const shown = switchedOn();
  const { schedules, ...sections } = shown;
  expect(Object.keys(sections).length).toBeGreaterThan(5);
  for (const [section, settings] of Object.entries(sections)) expect(defaults[section]).toMatchObject(settings);
});
