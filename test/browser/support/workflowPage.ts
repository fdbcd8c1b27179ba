import type { Locator, Page } from 'playwright-core';
import type { TestPage } from '../../support/browser.ts';
import { until } from '../../support/until.ts';
import { fillMessage, openAction, openDialog } from './dialogs.ts';

/** What came of a signal or an update, as the dialog tells it. */
type Sent = { accepted: true } | { accepted: false; why: string };

/** The page of one workflow execution in the Temporal UI. */
export interface WorkflowPage {
  id: string;
  page: Page;
  screenshot(name: string): Promise<void>;
  /** Writes a picture for the documentation: id, tabs and what is below them, 1440 px wide. */
  picture(path: string): Promise<void>;
  /** The word beside the id, such as Running. */
  status(): Promise<string>;
  /** Waits until that word is another one than Running. */
  ended(timeoutMs?: number): Promise<string>;
  /** Text of the current details as they are now. */
  details(): Promise<string>;
  /** Waits until the current details hold it, and gives them as a whole. */
  untilDetails(pattern: RegExp, timeoutMs?: number): Promise<string>;
  /** Names of the links in the current details, with their addresses. */
  links(): Promise<Record<string, string>>;
  /** Rows of "Events with Metadata": what activities, timers and children are for. */
  summaries(): Promise<string[]>;
  /** Text of the box "Result": the result or the failure, as JSON. */
  result(): Promise<string>;
  searchAttributes(): Promise<string>;
  signal(name: string, input?: string): Promise<Sent>;
  update(name: string, input?: string): Promise<Sent>;
  /** What "Send a Signal" or "Send an Update" says of each message, by name. */
  messages(action: 'Send a Signal' | 'Send an Update'): Promise<Record<string, string>>;
  requestCancellation(): Promise<void>;
  /** Resets it to an event, and goes to the execution that comes of it. */
  reset(eventId: number, reason: string): Promise<void>;
}

/** Of the UI's bars at the left and at the top (px). */
const NAVIGATION = { width: 64, height: 49 };
const PICTURE_WIDTH = 1_440;

const DEFAULT_LIMIT_MS = 120_000;

/** The object of a tab that shows a workflow. */
export function workflowPage(id: string, { page, screenshot }: TestPage): WorkflowPage {
  const frame = () => page.locator('iframe[title="output"]').last().contentFrame().locator('body');
  const tab = async (name: string) => {
    await page.getByRole('tab', { name }).click();
  };
  const showMetadata = async () => {
    await tab('User Metadata');
    await page.getByRole('heading', { name: 'Current Details' }).waitFor();
  };
  /** The page asks the workflow when the tab is opened and at the key R, unless it is asking: not by itself. */
  const refreshed = async () => {
    await showMetadata();
    const answered = async () => {
      const asked = page.waitForRequest(/\/query\b/, { timeout: 1_000 }).catch(() => null);
      await page.keyboard.press('r');
      return (await asked)?.response();
    };
    await until(answered, { timeoutMs: DEFAULT_LIMIT_MS, what: `the details of ${id} to be asked for` });
  };
  const text = () => seen(frame());
  const status = async () => {
    const header = page.locator('main header').first();
    return (await seen(header.getByText(STATUS).first())).trim();
  };

  return {
    id,
    page,
    screenshot,
    async picture(path) {
      await page.setViewportSize({ width: NAVIGATION.width + PICTURE_WIDTH, height: 1_400 });
      await refreshed();
      await settled(text);
      const box = await page.locator('iframe[title="output"]').last().boundingBox();
      const height = Math.ceil((box?.y ?? 0) + (box?.height ?? 0)) - NAVIGATION.height;
      const clip = { x: NAVIGATION.width, y: NAVIGATION.height, width: PICTURE_WIDTH, height };
      await page.screenshot({ path, clip, animations: 'disabled' });
    },
    status,
    async ended(timeoutMs = DEFAULT_LIMIT_MS) {
      await until(async () => (await status()) !== 'Running', { timeoutMs, what: `${id} to end` });
      return status();
    },
    async details() {
      await refreshed();
      return settled(text);
    },
    async untilDetails(pattern, timeoutMs = DEFAULT_LIMIT_MS) {
      let latest = '';
      const holds = async () => {
        await refreshed();
        // The frame may be replaced at this moment.
        latest = await text().catch(() => '');
        return pattern.test(latest);
      };
      try {
        await until(holds, { timeoutMs, what: `${pattern} in the details of ${id}` });
      } catch (error) {
        throw new Error(`${(error as Error).message} They say: ${latest}`);
      }
      return latest;
    },
    async links() {
      await refreshed();
      const found = await frame()
        .getByRole('link')
        .evaluateAll((links) => links.map((link) => [link.textContent, link.getAttribute('href')]));
      return Object.fromEntries(found);
    },
    async summaries() {
      await showMetadata();
      const rows = page.locator('main a[href*="/history/events/"]');
      return rows.allInnerTexts();
    },
    async result() {
      await tab('History');
      const box = page.getByTestId('input-and-result').locator('.cm-content').last();
      await box.filter({ hasNotText: 'Results will appear' }).waitFor();
      return seen(box);
    },
    async searchAttributes() {
      await tab('Search Attributes');
      await page.getByText('MediwatchModel').first().waitFor();
      return seen(page.locator('main'));
    },
    signal: (name, input) => send(page, 'Send a Signal', name, input),
    update: (name, input) => send(page, 'Send an Update', name, input),
    async messages(action) {
      const dialog = await openAction(page, action);
      await dialog.getByRole('button', { name: /^Select an? / }).click();
      await dialog.getByRole('option', { name: 'Custom' }).waitFor();
      const options = (await dialog.getByRole('option').allInnerTexts()).map((option) => option.trim().split('\n'));
      await close(dialog);
      return Object.fromEntries(options.map(([name = '', ...about]) => [name.trim(), about.join(' ').trim()]));
    },
    async requestCancellation() {
      await page.getByRole('button', { name: 'Request Cancellation' }).filter({ visible: true }).click();
      const dialog = await openDialog(page);
      await dialog.getByTestId('confirm-modal-button').click();
      await dialog.waitFor({ state: 'hidden' });
    },
    async reset(eventId, reason) {
      await page.getByRole('button', { name: 'Reset', exact: true }).filter({ visible: true }).click();
      const dialog = await openDialog(page);
      await dialog.getByTestId('workflow-reset-event-id-select-button').click();
      await dialog.getByRole('option', { name: new RegExp(`^${eventId} - `) }).click();
      await dialog.getByTestId('reset-reason').fill(reason);
      await dialog.getByTestId('confirm-modal-button').click();
      await page.getByRole('link', { name: 'here', exact: true }).click();
      await page.getByTestId('workflow-reset-alert').waitFor({ state: 'hidden' });
    },
  };
}

const STATUS = /^\s*(Running|Completed|Failed|Canceled|Terminated|Timed Out|Continued as New)\s*$/;

async function send(page: Page, action: string, name: string, input?: string): Promise<Sent> {
  const dialog = await openAction(page, action);
  await fillMessage(dialog, name, input);
  await dialog.getByRole('button', { name: 'Submit' }).click();
  const refusal = dialog.getByRole('alert').filter({ visible: true });
  const closed = dialog.waitFor({ state: 'hidden' }).then(() => 'closed' as const);
  const refused = refusal.waitFor().then(() => 'refused' as const);
  const outcome = await Promise.race([closed, refused.catch(() => closed)]);
  closed.catch(() => undefined);
  if (outcome === 'closed') return { accepted: true };
  return { accepted: false, why: await seen(refusal.getByRole('paragraph').first()) };
}

async function close(dialog: Locator): Promise<void> {
  await dialog.getByRole('button', { name: 'Cancel' }).last().click();
  await dialog.waitFor({ state: 'hidden' });
}

/** What a person sees, in the lines of the layout. */
function seen(locator: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: hidden text is nothing that a person can read
  return locator.innerText();
}

/** The frame is replaced when its text changes. */
function settled(text: () => Promise<string>): Promise<string> {
  return until(() => text().catch(() => ''), { timeoutMs: 10_000, what: 'the details to be shown' });
}
