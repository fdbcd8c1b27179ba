import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directionOf } from '../../src/cli/versions/compare.ts';
import { comparisonLines } from '../../src/cli/versions/compareText.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { chromiumProblem, openBrowser } from '../support/browser.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { mediwatch } from './support.ts';

const MODEL = 'MediWatchReadmit';
const PAGE = '<!doctype html><title>Report</title><p>Ärzte sahen 30 Tage</p>\n';
let server: MlflowServer;
let mlflow: Mlflow;
let env: Record<string, string>;
let experimentId: string;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-report-test-'));
  server = await startMlflow();
  env = { MLFLOW_TRACKING_URI: server.uri, TZ: 'UTC' };
  mlflow = createMlflow({ uri: server.uri, timeoutMs: 20_000 });
}, 150_000);
afterAll(async () => {
  await mlflow.close();
  await server.stop();
  await rm(dir, { recursive: true });
});

const ref = (digit: string) => ({ uri: 'mlflow-artifacts:/x', sha256: digit.repeat(64), sizeBytes: 1 });

interface Trained {
  id: string;
  dataset: string;
  params?: Record<string, unknown>;
  metrics: Record<string, number>;
  tags?: Record<string, string>;
  report?: boolean;
}

/** A version as a retrain leaves it. */
async function version({ id, dataset, params = {}, metrics, tags = {}, report = true }: Trained): Promise<string> {
  const startTime = Date.UTC(2026, 10, 24);
  const { runId } = await mlflow.createRun({ experimentId, name: id, startTime, tags: { 'mediwatch.seed': '42' } });
  await mlflow.logBatch(runId, { params: { model: 'hgb', data_sha256: 'f'.repeat(64), ...params }, metrics });
  await mlflow.updateRun(runId, { status: 'FINISHED', endTime: startTime + 245_000 });
  if (report) await mlflow.logArtifact(runId, 'report/report.html', PAGE);
  const own = {
    'mediwatch.workflow_id': `${id}/trainBestAndRegister`,
    'mediwatch.model': 'hgb',
    'mediwatch.dataset': JSON.stringify(ref(dataset)),
    'mediwatch.revision': '0123456789abcdef',
    ...tags,
  };
  await mlflow.createVersion({ name: MODEL, source: `runs:/${runId}/model`, runId, tags: own });
  return runId;
}

async function json(...args: string[]) {
  const { code, out, err } = await mediwatch([...args, '--json'], { env });
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
}

describe('without a version', () => {
  it.each([['compare'], ['report']])('%s says how to make one', async (command) => {
    const { code, err } = await mediwatch([command], { env });
    expect([code, err]).toEqual([2, expect.stringContaining('a retrain makes the first')]);
  });
});

describe('compare', () => {
  const scores = (auc: number, loss: number) => ({
    test_auc: auc,
    test_log_loss: loss,
    test_odd: 3,
    train_rows: 81_000,
  });
  beforeAll(async () => {
    await mlflow.ensureRegisteredModel(MODEL);
    experimentId = await mlflow.ensureExperiment('mediwatch');
    const comparison = {
      against: '1',
      challenger: scores(0.69, 0.31),
      champion: scores(0.68, 0.32),
      championProblem: '',
      differences: { test_auc: { difference: 0.01, low: 0.002, high: 0.018, confidence: 0.95 } },
    };
    const params = { learning_rate: 0.1, max_depth: 6 };
    await version({ id: 'first', dataset: 'a', params, metrics: scores(0.7, 0.3) });
    const { code, err } = await mediwatch(['compare'], { env });
    expect([code, err]).toEqual([2, expect.stringContaining('has one version, 1. "mediwatch retrain --follow"')]);
    await version({
      ...{ id: 'second', dataset: 'b', params: { ...params, learning_rate: 0.04, l2: 1 }, metrics: scores(0.66, 0.33) },
      tags: { 'mediwatch.comparison': JSON.stringify(comparison), 'mediwatch.trigger': 'drift alert' },
    });
    await version({ id: 'third', dataset: 'b', params, metrics: scores(0.67, 0.33), report: false });
    await mlflow.transitionStage(MODEL, '1', 'Production');
    await mlflow.setAlias(MODEL, 'champion', '1');
    await mlflow.setAlias(MODEL, 'challenger', '2');
  });

  it('without names puts the challenger beside the champion, scored on one split by the promotion', async () => {
    const compared = await json('compare');
    expect(compared).toMatchObject({ basis: 'evaluation', sameSplit: true });
    const { a, b, metrics, params } = compared;
    expect([a.version, a.aliases, a.trainedBy, a.trigger]).toEqual(['2', ['challenger'], 'second', 'drift alert']);
    expect([b.version, b.stage, b.seconds, b.seed, b.trainRows]).toEqual(['1', 'Production', 245, '42', 81_000]);
    expect(metrics).toMatchObject([
      { metric: 'test_auc', a: 0.69, b: 0.68, better: 'a', bounds: { low: 0.002, high: 0.018, confidence: 0.95 } },
      { metric: 'test_log_loss', a: 0.31, b: 0.32, better: 'a', bounds: null },
      { metric: 'test_odd', better: null },
    ]);
    expect(params).toEqual({
      different: [
        { name: 'l2', a: '1', b: null },
        { name: 'learning_rate', a: '0.04', b: '0.1' },
      ],
      same: 1,
    });
  });

  it('without names, and no challenger left, puts the champion beside the version that it replaced', async () => {
    await mlflow.deleteAlias(MODEL, 'challenger');
    await mlflow.setAlias(MODEL, 'previous', '3');
    try {
      const { a, b } = await json('compare');
      expect([a.version, b.version]).toEqual(['1', '3']);
    } finally {
      await mlflow.deleteAlias(MODEL, 'previous');
      await mlflow.setAlias(MODEL, 'challenger', '2');
    }
  });

  it('the other way round turns the differences and their bounds', async () => {
    const { metrics } = await json('compare', 'champion', '2');
    const [{ difference, better, bounds }] = metrics;
    expect(difference).toBeCloseTo(-0.01);
    expect([better, bounds]).toEqual(['b', { low: -0.018, high: -0.002, confidence: 0.95 }]);
  });

  it('warns when the versions were scored on different test splits, and says what compares them', async () => {
    expect(await json('compare', '3', '1')).toMatchObject({ basis: 'trainings', sameSplit: false });
    const { out } = await mediwatch(['compare', '3', 'production'], { env });
    expect(out).toContain('Not comparable: they were scored on different test splits.');
    expect(out).toContain('"mediwatch promote 3 --dry-run" scores both on one.');
    expect(out).not.toMatch(/test_auc.*version \d$/m);
    const same = await mediwatch(['compare', '3', '2'], { env });
    expect(same.out).toContain('Their trainings scored them on the same test split.');
    expect(same.out).toMatch(/test_auc +0\.6700 +0\.6600 +\+0\.0100 +version 3$/m);
  });

  it('takes stages, aliases, and ids of retrains', async () => {
    const names = async (...args: string[]) => {
      const { a, b } = await json('compare', ...args);
      return [a.version, b.version];
    };
    expect(await names('third')).toEqual(['3', '1']);
    expect(await names('newest', 'PRODUCTION')).toEqual(['3', '1']);
    expect(await names('@challenger', 'third/trainBestAndRegister')).toEqual(['2', '3']);
  });

  it.each([
    [['9', '1'], 'has no version "9". It has 3, 2 (challenger), 1 (champion)'],
    [['champoin'], 'did you mean "champion"?'],
    [['1', '1'], '"1" was named twice'],
    [['1'], '1 and champion are both version 1'],
  ])('%j is refused', async (names, message) => {
    const { code, err } = await mediwatch(['compare', ...names], { env });
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  it.each([40, 72, 90, 200])('fits a terminal of %d columns', async (width) => {
    const compared = await json('compare');
    const style = (_format: unknown, text: string) => text;
    const lines = comparisonLines(compared, { width, style });
    const isText = (line: string) => !line.includes('http') && !/promotion|Bounds/.test(line);
    for (const line of lines.filter(isText)) expect(line.length).toBeLessThanOrEqual(Math.max(width, 72));
    expect(lines.join('\n')).toContain('learning_rate');
  });

  it.skipIf(chromiumProblem)(
    'links to the page of MLflow that compares the two',
    async () => {
      const { links } = await json('compare');
      const browser = await openBrowser('compare');
      try {
        const { page } = await browser.newPage();
        await page.goto(links.compare);
        await page.getByText(/Comparing 2 Runs/i).waitFor();
        expect(await page.getByText('learning_rate').count()).toBeGreaterThan(0);
      } finally {
        await browser.close();
      }
    },
    90_000,
  );
});

describe('report', () => {
  it('tells where the page is', async () => {
    const { url, fileUrl, version, file } = await json('report', 'champion');
    expect([version, file]).toEqual(['1', null]);
    expect(url).toMatch(
      new RegExp(`^${server.uri}/#/experiments/${experimentId}/runs/\\w+/artifacts/report/report\\.html$`),
    );
    expect(await (await fetch(fileUrl)).text()).toBe(PAGE);
    const { out } = await mediwatch(['report', 'second'], { env });
    expect(out).toMatch(/^The report of MediWatchReadmit version 2: http/);
  });

  it('saves it whole, and replaces nothing unless asked to', async () => {
    const save = (...args: string[]) => mediwatch(['report', '1', '--output', ...args], { env, cwd: dir });
    expect((await save('page.html')).out).toContain(join(dir, 'page.html'));
    expect(await readFile(join(dir, 'page.html'), 'utf8')).toBe(PAGE);
    await writeFile(join(dir, 'page.html'), 'mine');
    const refused = await save('page.html');
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('--force replaces it')]);
    expect(await readFile(join(dir, 'page.html'), 'utf8')).toBe('mine');
    expect((await save('page.html', '--force')).code).toBe(0);
    expect(await readFile(join(dir, 'page.html'), 'utf8')).toBe(PAGE);
    await mkdir(join(dir, 'folder'));
    expect((await save('folder')).out).toContain(join(dir, 'folder', 'MediWatchReadmit-1.html'));
    expect((await save('nowhere/page.html')).err).toContain('there is no folder');
    for (const unwritable of ['/proc/page.html', 'page.html/page.html']) {
      const { code, err } = await save(unwritable);
      expect([code, err]).toEqual([2, expect.stringMatching(/^Nothing was saved: .*\S\n$/)]);
    }
    expect((await readdir(dir)).sort()).toEqual(['folder', 'page.html']);
  });

  it.runIf(process.platform === 'linux')('opens a copy in the browser', async () => {
    const bin = join(dir, 'bin');
    await mkdir(bin);
    const opened = join(dir, 'opened');
    await writeFile(join(bin, 'xdg-open'), `#!/bin/sh\n/bin/cat "$1" > ${opened}\n`);
    await chmod(join(bin, 'xdg-open'), 0o755);
    const { code, out } = await mediwatch(['report', '1', '--open'], { env: { ...env, PATH: bin } });
    expect([code, out]).toEqual([0, expect.stringContaining('opens in the browser')]);
    expect(await readFile(opened, 'utf8')).toBe(PAGE);
    const [, file = ''] = /is in (.+), and opens/.exec(out) ?? [];
    await rm(join(file, '..'), { recursive: true });

    const none = await mediwatch(['report', '1', '--open', '--output', join(dir, 'kept.html')], {
      env: { ...env, PATH: dir },
    });
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('there is no xdg-open here. Open')]);
  });

  it('says why there is none, and where to look', async () => {
    const none = await mediwatch(['report'], { env });
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('Version 3 of MediWatchReadmit has no report')]);
    expect(none.err).toContain('/runs/');
    const skipped = await mediwatch(['report'], { env: { ...env, MEDIWATCH_CONFIG: await skipping() } });
    expect(skipped.err).toContain('steps.report.skip');
    expect((await mediwatch(['report', 'unknown'], { env })).code).toBe(2);
    const away = await mediwatch(['report'], { env: { MLFLOW_TRACKING_URI: 'http://127.0.0.1:1' } });
    expect(away.code).toBe(4);
  });

  async function skipping(): Promise<string> {
    const file = join(dir, 'mediwatch.yaml');
    await writeFile(file, 'steps:\n  report:\n    skip: true\n');
    return file;
  }
});

describe('which values are better', () => {
  it.each([
    ['test_auc', 'higher'],
    ['test_average_precision', 'higher'],
    ['test_log_loss', 'lower'],
    ['test_brier', 'lower'],
    ['test_rmse', 'lower'],
    ['test_rows', null],
  ])('of %s', (metric, direction) => expect(directionOf(metric, [])).toBe(direction));
  it('the gate says first', () => {
    expect(directionOf('test_loss', [{ metric: 'test_loss', direction: 'higher' }])).toBe('higher');
  });
});
