import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import { chromiumProblem } from '../support/browser.ts';
import { type OperatorStack, openOperatorStack } from './support/operatorStack.ts';
import type { WorkflowPage } from './support/workflowPage.ts';

/** Makes the pictures of docs/temporal-ui.md: MEDIWATCH_DOCS_SCREENSHOTS=1 npx vitest run test/browser/docsScreenshots */
const wanted = process.env.MEDIWATCH_DOCS_SCREENSHOTS && !chromiumProblem;

const FEWER_COLOURS =
  "import sys; from PIL import Image; i = Image.open(sys.argv[1]).convert('RGB'); i.quantize(64, dither=0).save(sys.argv[1], optimize=True)";

describe.runIf(wanted)('the pictures of the docs show the Temporal UI with the real data', { timeout: 300_000 }, () => {
  let operator: OperatorStack;
  /** Takes the picture, with few colours: a third of the bytes. */
  const picture = async (page: WorkflowPage, name: string) => {
    const path = join(PROJECT_ROOT, 'docs', name);
    await page.picture(path);
    await execa(join(PROJECT_ROOT, 'python/.venv/bin/python'), ['-c', FEWER_COLOURS, path]);
  };

  beforeAll(async () => {
    operator = await openOperatorStack({ real: true });
  }, 240_000);
  afterAll(() => operator?.dispose(), 60_000);

  test('a retrain in the middle of its search', async () => {
    const retrain = await operator.ui.start({ id: 'retrain-by-hand', type: 'retrain', input: '{"trials": 20}' });
    await retrain.untilDetails(/1\d of 20 trials.*Best so far/s, 240_000);
    await picture(retrain, 'temporal-ui.png');
    await retrain.ended(240_000);
  });

  test('a promotion that waits for approval', async () => {
    const train = await operator.ui.start({ id: 'train-by-hand', type: 'trainBestAndRegister' });
    await train.ended(240_000);
    const promotion = await operator.ui.start({ id: 'promote-by-hand', type: 'promote', input: '{"approval": true}' });
    await promotion.untilDetails(/Waiting for your decision/);
    await picture(promotion, 'temporal-ui-approval.png');
  });
});
