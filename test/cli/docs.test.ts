import { existsSync, globSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig, PROJECT_ROOT, settingPaths } from '../../src/config.ts';
import { STEPS } from '../../src/contracts/plans.ts';
import { SAVED_QUERIES } from '../../src/contracts/savedQueries.ts';
import { STEP_CONTRACTS } from '../../src/contracts/steps.ts';
import { WORKFLOWS } from '../../src/contracts/workflows.ts';
import { pythonContract } from '../../src/docs/python.ts';
import { settingsTables, stepsTables } from '../../src/docs/tables.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-docs-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const docs = (...args: string[]) =>
  execa(process.execPath, [join(PROJECT_ROOT, 'src/docs/main.ts'), ...args], { reject: false });

const REGIONS = ['settings', 'workflows', 'queries']
  .map((name) => `<!-- ${name}:start -->\n<!-- ${name}:end -->`)
  .join('\n\n');

it('fills its regions, leaves the rest alone, and then has nothing to do', async () => {
  const file = join(dir, 'page.md');
  await writeFile(file, `# Before\n${REGIONS}\nafter\n`);
  expect(await docs('--check', file)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('npm run docs') });
  expect(await docs(file)).toMatchObject({ exitCode: 0 });
  const text = await readFile(file, 'utf8');
  expect(text).toMatch(/^# Before\n/);
  expect(text).toMatch(/\nafter\n$/);
  for (const [type, { about }] of Object.entries(WORKFLOWS)) {
    expect(text).toContain(`## ${type}`);
    expect(text).toContain(`| \`${type}\` | ${about} |`);
    expect(text).toContain(`&workflowType=${type})`);
  }
  for (const { name } of Object.values(SAVED_QUERIES)) expect(text).toMatch(new RegExp(`^\\| \\[?${name}\\b`, 'm'));
  expect(await docs('--check', file)).toMatchObject({ exitCode: 0 });
});

it('every setting has its row, with what it means', () => {
  const table = settingsTables();
  for (const [section, key] of settingPaths()) expect(table).toMatch(new RegExp(`\`${section}\\.[^|]*${key}`));
  for (const row of table.split('\n').filter((line) => line.startsWith('| `')))
    expect(
      row
        .split(/(?<!\\)\|/)
        .at(-2)
        ?.trim(),
    ).not.toBe('');
});

it('says what is wrong when there is no such page, or no region in it, or one without an end', async () => {
  const file = join(dir, 'page.md');
  expect(await docs(file)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('There is no') });
  await writeFile(file, '# Empty\n');
  expect(await docs(file)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('<!-- settings:start -->') });
  await writeFile(file, '<!-- settings:start -->\n');
  expect(await docs(file)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('<!-- settings:end -->') });
  await writeFile(file, '<!-- sttings:start -->\n<!-- sttings:end -->\n');
  expect(await docs(file)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('"sttings"') });
});

it('every step has its input and its result on the page of the steps, field by field', () => {
  const page = stepsTables();
  for (const step of STEPS) {
    const section = page.split(`### ${step}\n`)[1]?.split('\n### ')[0] ?? '';
    for (const field of Object.keys(STEP_CONTRACTS[step].command.shape)) expect(section).toContain(`| \`${field}\` |`);
  }
});

it('the tables of a page, and the types of Python, are checked in as the contracts have them', async () => {
  expect(await docs('--check')).toMatchObject({ exitCode: 0 });
  expect(pythonContract()).toContain('class TrainInput(TypedDict):');
});

const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'TESTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...globSync('docs/*.md', { cwd: PROJECT_ROOT }),
];

it.each(PAGES)('the links of %s lead to files that are there', async (page) => {
  const text = await readFile(join(PROJECT_ROOT, page), 'utf8');
  const links = [...text.matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].map(([, target]) => String(target));
  const local = links.filter((target) => !/^https?:/.test(target));
  const missing = local.filter((target) => !existsSync(join(PROJECT_ROOT, dirname(page), target)));
  expect(missing).toEqual([]);
});

it.each(PAGES)('the files of the repository that %s names are there', async (page) => {
  const text = await readFile(join(PROJECT_ROOT, page), 'utf8');
  const named = [...text.matchAll(/`((?:src|test|python|setup|lint|bench)\/[\w./-]+)`/g)].map(([, path]) => path);
  // A filter of `npm test` is the beginning of a path.
  expect(named.filter((path) => globSync(`${path}*`, { cwd: PROJECT_ROOT }).length === 0)).toEqual([]);
});

it.each(PAGES.filter((page) => page !== 'docs/compose.md'))(
  'every mediwatch.yaml that %s shows can be loaded',
  async (page) => {
    const text = await readFile(join(PROJECT_ROOT, page), 'utf8');
    for (const [, yaml] of text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)) {
      await writeFile(join(dir, 'mediwatch.yaml'), String(yaml));
      expect(loadConfig({}, dir).root).toBe(dir);
    }
  },
);

it('the README can be read in two minutes', async () => {
  expect((await readFile(join(PROJECT_ROOT, 'README.md'))).byteLength).toBeLessThan(8_000);
});
