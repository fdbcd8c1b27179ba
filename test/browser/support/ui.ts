import type { TestBrowser, TestPage } from '../../support/browser.ts';
import { until } from '../../support/until.ts';
import { fillStartForm, type Start, sendStartForm } from './startForm.ts';
import { visit } from './visit.ts';
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
      await visit(tab.page, `${workflows}/${encodeURIComponent(id)}`, tab.page.getByTestId('workflow-id-heading'));
      return workflowPage(id, tab);
    },
    async list(query, screenshot) {
      const { page, screenshot: keep } = await newTab();
      const answered = page.waitForResponse((response) => /\/workflows\?.*query=/.test(response.url()));
      const heading = page.getByRole('heading', { name: /^\d+ Workflows?$/ });
      await visit(page, `${workflows}?query=${encodeURIComponent(query)}`, heading);
      await answered;
      const rows = page.getByRole('table', { name: 'Workflows' }).locator('tbody tr');
      const read = () =>
        rows.evaluateAll((all) => all.flatMap((row) => row.querySelector('a')?.textContent.trim() ?? []));
      const isWhole = async () => Number.parseInt((await heading.textContent()) ?? '', 10) === (await read()).length;
      await until(isWhole, { timeoutMs: 20_000, what: `the list of ${query}` });
      if (screenshot) await keep(screenshot);
      return read();
    },
    async closeTabs() {
      await Promise.all(tabs.splice(0).map(({ page }) => page.close()));
    },
  };
}
