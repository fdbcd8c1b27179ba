import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { PROJECT_ROOT } from '../../src/config.ts';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
/** Of a page load and of a click on a machine that trains at the same time (ms). */
const ACTION_LIMIT_MS = 30_000;

/** Why pages cannot be looked at here, as text; null: they can. */
export const chromiumProblem = existsSync(CHROMIUM)
  ? null
  : `there is no Chromium at ${CHROMIUM}; CHROMIUM_PATH names one`;

/**
 * Makes pages hold still: a spinner alone keeps half a core busy where Chromium draws without a graphics card, and the
 * Temporal UI does not heed `reducedMotion`.
 */
const HOLD_STILL = `
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(\`*, *::before, *::after {
    animation-duration: 1ms !important;
    animation-iteration-count: 1 !important;
    transition-duration: 1ms !important;
  }\`);
  document.adoptedStyleSheets.push(sheet);
`;

interface Size {
  width: number;
  height: number;
}

export interface TestBrowser {
  newPage(size?: Size): Promise<TestPage>;
  close(): Promise<void>;
}

export interface TestPage {
  page: Page;
  /** What the page wrote to its console as errors, and exceptions that nothing caught. */
  errors: string[];
  /** Keeps a picture of what is to be seen now, or of the whole page, as `<name>.png` among the test output. */
  screenshot(name: string, options?: { fullPage?: boolean }): Promise<void>;
}

/**
 * Starts a real Chromium without a window. Each page has a session of its own: those of one session share six connections
 * to a host, and each page of the Temporal UI keeps one while it waits for what is new.
 *
 * @param suite folder of its screenshots
 */
export async function openBrowser(suite: string): Promise<TestBrowser> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  const folder = join(process.env.MEDIWATCH_SCREENSHOTS ?? join(PROJECT_ROOT, 'test-output/screenshots'), suite);
  mkdirSync(folder, { recursive: true });
  return {
    newPage: (size = { width: 1440, height: 1000 }) => newPage(browser, folder, size),
    close: () => browser.close(),
  };
}

async function newPage(browser: Browser, folder: string, size: Size): Promise<TestPage> {
  const page = await browser.newPage({ timezoneId: 'UTC', reducedMotion: 'reduce' });
  await page.addInitScript(HOLD_STILL);
  await page.setViewportSize(size);
  page.setDefaultTimeout(ACTION_LIMIT_MS);
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  return {
    page,
    errors,
    async screenshot(name, { fullPage = false } = {}) {
      await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled', fullPage });
    },
  };
}
