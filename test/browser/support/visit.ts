import type { Locator, Page } from 'playwright-core';

const ATTEMPTS = 3;
/** Of one attempt, on a machine that trains at the same time (ms). */
const SHOWN_WITHIN_MS = 40_000;

/**
 * Opens a page of the UI and waits until it shows what it is opened for. It is loaded again if it does not: Chromium
 * gives up what it is loading when a network comes or goes, as it does where containers are started.
 */
export async function visit(page: Page, url: string, shown: Locator): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await page.goto(url);
      return await shown.waitFor({ timeout: SHOWN_WITHIN_MS });
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}
