import type { Page } from 'playwright-core';
import { typeInput } from './dialogs.ts';
import { visit } from './visit.ts';

export interface Start {
  id: string;
  type: string;
  /** Text of the input; absent: the field stays empty. */
  input?: string | undefined;
}

/** Types everything into the form behind "Start Workflow", as a person does who was given no link. */
export async function fillStartForm(page: Page, uiUrl: string, { id, type, input }: Start): Promise<void> {
  const button = page.getByRole('button', { name: 'Start Workflow' });
  await visit(page, `${uiUrl}/namespaces/default/workflows`, button);
  await button.click();
  await page.getByLabel('Workflow ID').fill(id);
  await page.getByLabel('Task Queue').fill('mediwatch');
  await page.getByLabel('Workflow Type').fill(type);
  // The notice moves what is below it.
  await page.getByText('Task Queue is Active').waitFor();
  if (input !== undefined) await typeInput(page.locator('main'), input);
}

/** Sends the form, and follows the link to the workflow. */
export async function sendStartForm(page: Page): Promise<void> {
  await page.getByTestId('start-workflow-button').click();
  await page.getByRole('link', { name: 'Workflow started successfully' }).click();
  await page.getByTestId('workflow-id-heading').waitFor();
}
