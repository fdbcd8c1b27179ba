import type { TestBrowser, TestPage } from '../../support/browser.ts';
import { fillStartForm, type Start, sendStartForm } from './startForm.ts';
import { type WorkflowPage, workflowPage } from './workflowPage.ts';

/** The Temporal UI, in the hands of a person. Each call opens a tab of its own. */
export interface TemporalUi {
  /** Starts a workflow through the form. */
  start(start: Start): Promise<WorkflowPage>;
  /** Fills in the form, and sends nothing. */
  form(start: Start): Promise<TestPage>;
  /** The page of a workflow that is there. */
  open(id: string): Promise<WorkflowPage>;
  /** Ids in the list of workflows, filtered. */
  list(query: string, screenshot?: string): Promise<string[]>;
  closeTabs(): Promise<void>;
}

export function createTemporalUi(browser: TestBrowser, uiUrl: string): TemporalUi {
  const tabs: TestPage[] = [];
  const newTab = async () => {
    const tab = await browser.newPage();
    tabs.push(tab);
    return tab;
  };
  const workflows = `${uiUrl}/namespaces/default/workflows`;

  return {
    async start(start) {
      const tab = await newTab();
      await fillStartForm(tab.page, uiUrl, start);
      await sendStartForm(tab.page);
      return workflowPage(start.id, tab);
    },
    async form(start) {
      const tab = await newTab();
      await fillStartForm(tab.page, uiUrl, start);
      return tab;
    },
    async open(id) {
      const tab = await newTab();
      await tab.page.goto(`${workflows}/${encodeURIComponent(id)}`);
      await tab.page.getByTestId('workflow-id-heading').waitFor();
      return workflowPage(id, tab);
    },
    async list(query, screenshot) {
      const { page, screenshot: keep } = await newTab();
      const answered = page.waitForResponse((response) => /\/workflows\?.*query=/.test(response.url()));
      await page.goto(`${workflows}?query=${encodeURIComponent(query)}`);
      await answered;
      await page.getByRole('table', { name: 'Workflows' }).waitFor();
      if (screenshot) await keep(screenshot);
      const rows = page.getByRole('table', { name: 'Workflows' }).locator('tbody tr');
      return rows.evaluateAll((found) => found.map((row) => row.querySelector('a')?.textContent.trim() ?? ''));
    },
    async closeTabs() {
      await Promise.all(tabs.splice(0).map(({ page }) => page.close()));
    },
  };
}
