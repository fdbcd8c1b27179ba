import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../src/contracts/savedQueries.ts';
import { searchAttributesOf } from '../../src/systems/temporal.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';

let temporal: TestTemporal;
let connection: NativeConnection;
beforeAll(async () => {
  temporal = await startTemporal();
  connection = await NativeConnection.connect({ address: temporal.address });
});
afterAll(async () => {
  await connection.close();
  await temporal.stop();
});

it('looks again for the search attributes after a look that failed, and not after one that succeeded', async () => {
  const { operatorService } = connection;
  let looks = 0;
  const flaky: typeof operatorService = Object.create(operatorService, {
    listSearchAttributes: {
      value: async (request: object) => {
        looks += 1;
        if (looks === 1) throw Object.assign(new Error('14 UNAVAILABLE'), { code: 14, details: '', metadata: {} });
        return await operatorService.listSearchAttributes(request);
      },
    },
  });
  const searchable = searchAttributesOf({ operatorService: flaky }, 'default');
  await expect(searchable()).rejects.toThrow('UNAVAILABLE');
  expect(await searchable()).toBe(true);
  expect(await searchable()).toBe(true);
  expect(looks).toBe(2);
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace: 'default' });
  expect(Object.keys(customAttributes)).toEqual(
    expect.arrayContaining(Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name)),
  );
});

it('does without where the server refuses', async () => {
  const { operatorService } = connection;
  const refusing: typeof operatorService = Object.create(operatorService, {
    listSearchAttributes: {
      value: async () => {
        throw Object.assign(new Error('7 PERMISSION_DENIED'), { code: 7, details: '', metadata: {} });
      },
    },
  });
  expect(await searchAttributesOf({ operatorService: refusing }, 'default')()).toBe(false);
});
