import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import { chromiumProblem } from '../support/browser.ts';
import { type OperatorStack, openOperatorStack } from './support/operatorStack.ts';

/** Makes the pictures of README.md anew: MEDIWATCH_DOCS_SCREENSHOTS=1 npx vitest run test/browser/docsScreenshots */
const wanted = process.env.MEDIWATCH_DOCS_SCREENSHOTS && !chromiumProblem;

describe.runIf(wanted)('the pictures of the README, on the real data', { timeout: 300_000 }, () => {
  let operator: OperatorStack;
  const docs = (name: string) => join(PROJECT_ROOT, 'docs', name);

  beforeAll(async () => {
    operator = await openOperatorStack({ real: true });
  }, 240_000);
  afterAll(() => operator?.dispose(), 60_000);

  test('a retrain in the middle of its search', async () => {
    const retrain = await operator.ui.start({ id: 'retrain-by-hand', type: 'retrain', input: '{"trials": 20}' });
    await retrain.untilDetails(/1\d of 20 trials.*Best so far/s, 240_000);
    await retrain.picture(docs('temporal-ui.png'));
    await retrain.ended(240_000);
  });

  test('a promotion that waits for approval', async () => {
    const train = await operator.ui.start({
      id: 'random-forest',
      type: 'trainBestAndRegister',
      input: '{"model": "rf"}',
    });
    await train.ended(240_000);
    const promotion = await operator.ui.start({ id: 'promote-by-hand', type: 'promote', input: '{"approval": true}' });
    await promotion.untilDetails(/Waiting for your decision/);
    await promotion.picture(docs('temporal-ui-approval.png'));
  });
});
