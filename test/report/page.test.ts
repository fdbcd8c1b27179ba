import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import { REPORT_FILES, ReportInput, WrittenReport } from '../../src/contracts/report.ts';
import type { Metrics, Trial } from '../../src/contracts/training.ts';
import { createPool, type Pool } from '../../src/systems/processes/pool.ts';
import { createReaper, type Reaper } from '../../src/systems/processes/reaper.ts';
import { chromiumProblem, openBrowser, type TestBrowser, type TestPage } from '../support/browser.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { sampleData } from '../support/sampleData.ts';

const PYTHON = process.env.MEDIWATCH_TEST_PYTHON ?? join(PROJECT_ROOT, 'python/.venv/bin/python');
const PREPARING_MS = 400_000;
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** Smallest text that is read without effort on a phone (CSS pixels). */
const SMALLEST_TEXT = 11;
const WIDTHS = [400, 1280];
const SCHEMES = ['light', 'dark'] as const;

/** What runs in the page: as text, since our code is not typed for browsers. */
const inPage = {
  openDetails: `document.querySelectorAll('details').forEach((details) => { details.open = true; })`,
  overflow: `(() => {
    const width = document.documentElement.clientWidth;
    const outside = [...document.querySelectorAll('body *')].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.width > 0 && box.right > width + 1 && !element.closest('.scroll, .skip');
    });
    const page = document.documentElement.scrollWidth > width ? ['the page'] : [];
    return [...page, ...outside.map((element) => element.tagName + ': ' + element.textContent.trim().slice(0, 60))];
  })()`,
  smallestText: `(() => {
    const sizes = [...document.querySelectorAll('figure svg')].flatMap((svg) => {
      const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
      const texts = scale > 0 ? [...svg.querySelectorAll('text')] : [];
      return texts.map((text) => Number.parseFloat(getComputedStyle(text).fontSize) * scale);
    });
    return sizes.length > 0 ? Math.min(...sizes) : null;
  })()`,
};

let folder: string;
let mlflow: MlflowServer;
let reaper: Reaper;
let processes: Pool;
let browser: TestBrowser;
const address = (page: string) => pathToFileURL(join(folder, page)).href;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediwatch-report-'));
  mlflow = await startMlflow();
  if (!chromiumProblem) browser = await openBrowser('report');
  reaper = await createReaper();
  processes = createPool({
    command: [PYTHON, '-m', 'mediwatch_training.pool'],
    cwd: folder,
    env: { PYTHONPATH: join(PROJECT_ROOT, 'python') },
    size: 1,
    memoryLimitMb: 4_000,
    logFile: join(folder, 'pool.log'),
    reaper,
  });
  await writePages();
}, PREPARING_MS);
afterAll(async () => {
  await browser?.close();
  await processes?.close();
  await reaper?.close();
  await mlflow?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe.skipIf(chromiumProblem)('the report of a retrain', () => {
  for (const name of ['full', 'first', 'recorded']) {
    for (const scheme of SCHEMES) {
      for (const width of WIDTHS) {
        it(`${name}: reads well at ${width} px in the ${scheme} scheme`, async () => {
          const shown = await open(name, width, scheme);
          await shown.screenshot(`${name}-${width}-${scheme}`, { fullPage: true });
          await openDetails(shown);
          expect(await overflow(shown)).toEqual([]);
          expect((await smallestText(shown)) ?? SMALLEST_TEXT).toBeGreaterThanOrEqual(SMALLEST_TEXT);
          expect(await violations(shown)).toEqual([]);
          expect(shown.errors).toEqual([]);
          await shown.page.close();
        });
      }
    }
  }

  it('asks nobody for anything and says nothing on the console', async () => {
    const { page, errors } = await browser.newPage();
    const heard: string[] = [];
    page.on('request', (request) => heard.push(request.url()));
    page.on('console', (message) => heard.push(message.text()));
    await page.goto(address('full.html'));
    expect(heard).toEqual([address('full.html')]);
    expect(errors).toEqual([]);
    await page.close();
  });

  it('leads from its table of contents to each section', async () => {
    const { page } = await open('full', 1280, 'light');
    const links = page.locator('nav a');
    expect(await links.count()).toBe(10);
    for (const link of await links.all()) {
      await link.click();
      const heading = page.locator(`${await link.getAttribute('href')} h2`);
      expect(await heading.textContent()).toBe(await link.textContent());
    }
    await page.close();
  });

  it('shows each figure once, by its name, at either width', async () => {
    for (const width of WIDTHS) {
      const { page } = await open('full', width, 'light');
      for (const title of ['ROC curves', 'Calibration', 'Importance of columns', 'Trials in parallel coordinates']) {
        expect(await page.getByRole('img', { name: title }).filter({ visible: true }).count()).toBe(1);
      }
      await page.close();
    }
  });

  it('is whole on paper', async () => {
    const shown = await open('full', 720, 'light');
    await shown.page.emulateMedia({ media: 'print' });
    expect(await shown.page.locator('nav').isVisible()).toBe(false);
    expect(await shown.page.getByRole('img').filter({ visible: true }).count()).toBeGreaterThanOrEqual(10);
    await shown.page.close();
  });
});

async function open(name: string, width: number, colorScheme: 'light' | 'dark'): Promise<TestPage> {
  const shown = await browser.newPage({ width, height: 900 });
  await shown.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  await shown.page.goto(address(`${name}.html`));
  return shown;
}

const openDetails = ({ page }: TestPage) => page.evaluate(inPage.openDetails);

/** What is cut off or makes the page scroll sideways; wide tables scroll within their own region. */
const overflow = ({ page }: TestPage) => page.evaluate<string[]>(inPage.overflow);

/** The smallest text of the plots as it is seen (CSS pixels); null without a plot. */
const smallestText = ({ page }: TestPage) => page.evaluate<number | null>(inPage.smallestText);

async function violations({ page }: TestPage): Promise<string[]> {
  await page.addScriptTag({ path: AXE });
  const results: AxeResults = await page.evaluate('axe.run()');
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}

/** Trains two versions on a sample and writes three pages: of both, of the first alone, of recorded metrics alone. */
async function writePages(): Promise<void> {
  const dataset = join(folder, 'dataset');
  await step('prepare', { dataPath: sampleData(folder), outputDir: dataset });
  const train = { datasetDir: dataset, trackingUri: mlflow.uri, threads: 1 };
  const champion = await step('train-and-register', { ...train, params: { max_iter: 15 }, register: 'Sample' });
  const params = { max_iter: 30, learning_rate: 0.08 };
  const challenger = await step('train-and-register', { ...train, params, register: 'Sample' });
  const input: ReportInput = {
    trackingUri: mlflow.uri,
    runId: challenger.runId,
    workDir: join(folder, 'work'),
    threads: 1,
    memoryMb: 4096,
    registeredModel: 'Sample',
    datasetDir: dataset,
    scored: true,
    challenger: {
      version: '2',
      uri: 'models:/Sample/2',
      recorded: null,
      metrics: challenger.metrics,
      model: 'hgb',
      versions: null,
      params,
    },
    champion: { version: '1', uri: 'models:/Sample/1', recorded: null, metrics: champion.metrics, objection: null },
    search: { trials: trials(), metric: 'validation AUC', direction: 'maximize', space: null },
    lineage: {
      workflowId: 'retrain-2026-11-24T20-00-12',
      workflowUrl: 'http://127.0.0.1:8233/namespaces/default/workflows/retrain-2026-11-24T20-00-12',
      runUrl: 'http://127.0.0.1:5000/#/experiments/1/runs/0123456789abcdef',
      trigger: 'drift',
      startedAt: '2026-11-24T20:00:12.000Z',
      data: 'data/diabetic_data.csv.gz',
      datasetSha256: 'ab'.repeat(32),
      seed: 42,
      codeRevision: '0ab9e35d6ca79be2fc6e4f581a163c9bb98a5135',
      release: '0.2.0',
      driftReport: 'https://example.org/drift.html',
    },
    outcome: {
      stage: 'Production',
      promoted: false,
      reason: 'test_auc fell by more than it may',
      approvedBy: null,
      deployed: false,
    },
  };
  await writePage('full', input);
  await writePage('first', { ...input, champion: null, outcome: null, search: { ...input.search, trials: [] } });
  await writePage('recorded', { ...input, scored: false, datasetDir: null });
}

async function writePage(name: string, input: ReportInput): Promise<void> {
  const written = WrittenReport.parse(await step('report', ReportInput.parse(input)));
  expect(written.reportUri).toBe(`runs:/${input.runId}/${REPORT_FILES.page}`);
  expect(written.dataUri).toBe(`runs:/${input.runId}/${REPORT_FILES.data}`);
  expect(written.summary).toContain('Version 2 of Sample has a test AUC of');
  const query = new URLSearchParams({ run_id: input.runId, path: REPORT_FILES.page });
  const page = await fetch(`${mlflow.uri}/get-artifact?${query}`);
  await writeFile(join(folder, `${name}.html`), await page.text());
}

/** Runs a step of the package in the one process that is kept for all of them. */
async function step(name: string, input: object) {
  const { signal } = new AbortController();
  const call = { step: name, input, logFile: join(folder, 'steps.log'), timeoutMs: PREPARING_MS, signal };
  return (await processes.run(call)) as { runId: string; metrics: Metrics };
}

/** Trials as a command tells them: numbers, texts, absent values, failures. */
function trials(): Trial[] {
  const params = (number: number) => ({
    learning_rate: 0.02 * 1.15 ** number,
    max_depth: 3 + ((number * 5) % 9),
    booster: ['gbtree', 'dart', 'a booster with a very long name'][number % 3] ?? null,
    l2: number % 4 === 0 ? null : 10 ** -(number % 7),
    early_stopping: number % 2 === 0,
  });
  return Array.from({ length: 18 }, (_, number): Trial => {
    const trial = { number, params: params(number), seconds: 3 + number / 7 };
    if (number % 8 === 5) return { ...trial, state: 'failed', error: 'The trial needed more memory than it may have' };
    return { ...trial, state: 'complete', score: 0.66 + 0.02 * Math.sin(number) };
  });
}
