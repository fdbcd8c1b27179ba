import type { Locator, Page } from 'playwright-core';

/** Opens one of the items of "More Actions" on the page of a workflow. The page holds its header twice, for two widths. */
export async function openAction(page: Page, name: string): Promise<Locator> {
  await page.getByRole('button', { name: 'More Actions' }).filter({ visible: true }).click();
  await page.getByRole('menuitem', { name, exact: true }).filter({ visible: true }).click();
  return openDialog(page);
}

/** The dialog that is open now. */
export async function openDialog(page: Page): Promise<Locator> {
  const dialog = page.locator('dialog[open]');
  await dialog.waitFor();
  return dialog;
}

/** Fills in the dialog of a signal or an update. */
export async function fillMessage(dialog: Locator, name: string, input?: string): Promise<void> {
  await dialog.getByRole('button', { name: /^Select an? / }).click();
  await dialog.getByRole('option', { name }).click();
  if (input !== undefined) await typeInput(dialog, input);
}

/**
 * Types into the editor of the only input on a form or dialog, and leaves it. It reformats the text then, which moves
 * everything below it: a click at the same moment would miss.
 */
export async function typeInput(form: Locator, input: string): Promise<void> {
  const editor = form.locator('.cm-content');
  await editor.fill(input);
  await editor.blur();
}
