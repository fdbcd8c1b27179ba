import { describe, expect, it } from 'vitest';
import { alerted, createSteward } from '../../src/domain/steward.ts';
import { readAlerts } from '../../src/workflows/runtime/stewardDesk.ts';

/** What fits a payload of Temporal, two megabytes. */
const LISTS = {
  'of numbers': new Array(900_000).fill(1),
  'of empty alerts': new Array(600_000).fill({}),
  'of keys': Array.from({ length: 110_000 }, (_, index) => ({ key: `k${index}` })),
};

describe('a list of alerts in one signal', () => {
  it.each(Object.entries(LISTS))('is taken in far less than a workflow task may last: %s', (_what, list) => {
    const begin = performance.now();
    const steward = readAlerts(list).reduce((known, alert) => alerted(known, alert, 0), createSteward('model'));
    expect(performance.now() - begin).toBeLessThan(1_000);
    expect(steward.counted).toBe(1_001);
    expect(steward.pending?.latest.reason).toBe(
      `${list.length - 1_000} more alerts of one signal, which were not read`,
    );
  });

  it('counts each alert of one that we send', () => {
    expect(readAlerts(Array.from({ length: 100 }, (_, index) => ({ key: `k${index}` })))).toHaveLength(100);
  });
});
