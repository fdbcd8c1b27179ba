import { condition, defineSignal, setHandler } from '@temporalio/workflow';

/** The least that a workflow can do with signals: counts them. */
export async function counter(): Promise<void> {
  let counted = 0;
  setHandler(defineSignal('raw'), () => {
    counted += 1;
  });
  setHandler(defineSignal('stop'), () => {
    counted = Number.POSITIVE_INFINITY;
  });
  await condition(() => counted === Number.POSITIVE_INFINITY);
}
