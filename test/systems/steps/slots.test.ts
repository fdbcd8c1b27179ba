import { setImmediate as tick } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createSlots } from '../../../src/systems/steps/slots.ts';

const never = new AbortController().signal;
const one = { name: 'trial', limit: 1 };

describe('slots', () => {
  it('let in as many as they may, first come, first served', async () => {
    const slots = createSlots();
    let inside = 0;
    let most = 0;
    const order: number[] = [];
    const work = async (number: number) => {
      const giveBack = await slots.take([{ name: 'trial', limit: 2 }], never);
      inside += 1;
      most = Math.max(most, inside);
      order.push(number);
      await tick();
      inside -= 1;
      giveBack();
    };
    await Promise.all(Array.from({ length: 9 }, (_, number) => work(number)));
    expect(most).toBe(2);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('let in those who take several when there are so many, before those who came later and want one', async () => {
    const slots = createSlots();
    const order: string[] = [];
    const take = async (name: string, count: number) => {
      const release = await slots.take([{ name: 'host', limit: 4, count }], never);
      order.push(name);
      return release;
    };
    const first = await take('first', 2);
    const many = take('many', 3);
    const last = take('last', 1);
    await tick();
    expect(order).toEqual(['first']);
    first();
    (await many)();
    (await last)();
    expect(order).toEqual(['first', 'many', 'last']);
    // More than there are: all of them.
    (await take('all', 9))();
  });

  it('lose none to one who stops waiting, or who waits for two and gets one', async () => {
    const slots = createSlots();
    const giveBack = await slots.take([one], never);
    const impatient = new AbortController();
    const waiting = slots.take([{ name: 'host', limit: 1 }, one], impatient.signal);
    const failed = expect(waiting).rejects.toThrow('cancelled');
    await tick();
    impatient.abort(new Error('cancelled'));
    await failed;
    giveBack();
    // Both are free again.
    const again = await slots.take([{ name: 'host', limit: 1 }, one], never);
    again();
    again();
    (await slots.take([one], never))();
  });
});
