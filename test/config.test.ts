import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ConfigSchema } from '../src/config/schema.ts';
import { loadConfig, PROJECT_ROOT } from '../src/config.ts';

const SHIPPED = readFileSync(join(PROJECT_ROOT, 'mediwatch.yaml'), 'utf8');

/** The file with every setting in it switched on: `#data:` and `#  path: …`, but not `# A sentence.` */
const switchedOn = () => parse(SHIPPED.replace(/^#(?=\w| {2}\S)/gm, '')) as Record<string, Record<string, unknown>>;

test('the mediwatch.yaml of the project changes no setting', () => {
  expect(parse(SHIPPED)).toBeNull();
  expect(loadConfig({}, PROJECT_ROOT).root).toBe(PROJECT_ROOT);
});

test('what the mediwatch.yaml of the project shows are the defaults', () => {
  const defaults = ConfigSchema.parse({}) as unknown as Record<string, Record<string, unknown>>;
  const shown = switchedOn();
  expect(Object.keys(shown).length).toBeGreaterThan(5);
  for (const [section, settings] of Object.entries(shown)) expect(defaults[section]).toMatchObject(settings);
});
