import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAYS_KEPT, KEYS_KEPT } from '../../src/domain/seenKeys.ts';
import {
  alerted,
  asked,
  begun,
  createSteward,
  decide,
  type Ending,
  ended,
  hasFailed,
  othersEnded,
  paused,
  refusal,
  resumed,
  type Steward,
  started,
  stewardState,
  waiting,
} from '../../src/domain/steward.ts';
import { stewardMarkdown } from '../../src/words/stewardDetails.ts';

const SETTINGS = { cooldown: 100, backoff: 10, maxBackoff: 60, maxFailures: 3, retrain: {} };
const SOMEBODY = { by: 'ada', reason: 'a test' };
const ALERT = { reason: 'drift', source: 'test' };

const ending = fc.record({
  outcome: fc.constantFrom('completed', 'failed', 'cancelled'),
  promoted: fc.boolean(),
  /** How long ago it ended when the steward learns of it (ms): alerts may have come since. */
  ago: fc.constantFrom(0, 3, 5_000),
});
type End = typeof ending extends fc.Arbitrary<infer Value> ? Value : never;

/** What may happen, in any order. */
const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('alert'), key: fc.option(fc.integer({ min: 0, max: 12 })) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('end'), end: ending }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time'), seconds: fc.integer({ min: 1, max: 120 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('pause', 'resume', 'ask', 'restart', 'otherStarts') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('otherEnds'), end: ending }) },
);
type Event = typeof event extends fc.Arbitrary<infer Value> ? Value : never;

/** A steward in a world where retrains start as it decides, and every alert is followed one by one. */
class Simulation {
  steward: Steward = createSteward('model');
  /** Arrival of each alert that no retrain has answered. */
  unanswered: number[] = [];
  keys = new Set<string>();
  keyless = 0;
  answered = 0;
  running = 0;
  other = false;
  now = 1_000_000;

  play(happening: Event): void {
    this.now += 1;
    switch (happening.kind) {
      case 'alert':
        this.alert(happening.key === null ? undefined : `k${happening.key}`);
        break;
      case 'end':
        if (this.steward.current) this.end(happening.end);
        break;
      case 'time':
        this.now += happening.seconds * 1000;
        break;
      case 'pause':
        this.steward = paused(this.steward, SOMEBODY, this.now);
        break;
      case 'resume':
        this.steward = resumed(this.steward);
        break;
      case 'ask':
        this.ask();
        break;
      case 'restart':
        this.steward = JSON.parse(JSON.stringify(this.steward));
        break;
      case 'otherStarts':
        this.other = true;
        break;
      case 'otherEnds':
        if (this.other) this.otherEnds(happening.end);
        break;
    }
    this.decide();
    this.check();
  }

  /** Lets everything come to an end: nobody pauses, all goes well, and time passes. */
  settle(): void {
    this.steward = resumed(this.steward);
    for (let round = 0; round < 6; round += 1) {
      this.play({ kind: 'time', seconds: 1_000 });
      this.play({ kind: 'otherEnds', end: { outcome: 'failed', promoted: false, ago: 0 } });
      this.play({ kind: 'end', end: { outcome: 'completed', promoted: true, ago: 0 } });
    }
  }

  private alert(key: string | undefined): void {
    const isNew = key === undefined || !this.keys.has(key);
    if (isNew) this.unanswered.push(this.now);
    if (key === undefined) this.keyless += 1;
    else this.keys.add(key);
    this.steward = alerted(this.steward, { ...ALERT, ...(key !== undefined && { key }) }, this.now);
  }

  private ask(): void {
    const refused = refusal(this.steward) !== null;
    expect(refused).toBe(this.steward.current !== null || this.steward.asked !== null);
    this.steward = asked(this.steward, SOMEBODY);
  }

  /** As the workflow does: a retrain of somebody else is waited for, and otherwise our own starts. */
  private decide(): void {
    if (this.steward.waitingFor || decide(this.steward, this.now).kind === 'wait') return;
    if (this.other) this.steward = waiting(this.steward, 'theirs');
    else {
      this.running += 1;
      this.now += 1;
      this.steward = begun(started(this.steward, `retrain-${this.now}`, this.now));
    }
  }

  private end(end: End): void {
    const { startedAt } = this.steward.current as { startedAt: number };
    const ending = this.endingOf(end, startedAt);
    this.running -= 1;
    this.steward = ended(this.steward, ending, SETTINGS);
    const failed = hasFailed(ending);
    this.judge((arrived) => !failed && arrived < startedAt, ending);
  }

  private otherEnds(end: End): void {
    this.other = false;
    if (this.steward.waitingFor === null) return;
    const ending = this.endingOf(end, 0);
    this.steward = othersEnded(this.steward, 'theirs', ending, SETTINGS);
    this.judge(() => false, ending);
  }

  private endingOf({ outcome, promoted, ago }: End, startedAt: number): Ending {
    const endedAt = Math.max(startedAt, this.now - ago);
    if (outcome === 'failed') return { ending: { code: 'failed', message: 'no' }, endedAt };
    if (outcome === 'cancelled') return { ending: { code: 'cancelled' }, endedAt };
    const made = { version: '1', registryStage: 'Production' };
    return { ending: promoted ? { code: 'promoted', ...made } : { code: 'registered', version: '1' }, endedAt };
  }

  /** The rule: answered by a retrain that started after it arrived, or by one in Production after it arrived. */
  private judge(mustBeAnswered: (arrived: number) => boolean, { ending, endedAt }: Ending): void {
    const promoted = ending.code === 'promoted';
    const mayBeAnswered = (arrived: number) => mustBeAnswered(arrived) || (promoted && arrived <= endedAt);
    const left = this.steward.pending?.count ?? 0;
    const must = this.unanswered.filter(mustBeAnswered).length;
    const may = this.unanswered.filter(mayBeAnswered).length;
    const answered = this.unanswered.length - left;
    expect(answered).toBeGreaterThanOrEqual(must);
    expect(answered).toBeLessThanOrEqual(may);
    this.answered += answered;
    this.unanswered = this.unanswered.filter((arrived) => !mustBeAnswered(arrived)).slice(answered - must);
  }

  private check(): void {
    const { counted, pending, current, retrains, failures, paused } = this.steward;
    expect(this.running).toBe(current ? 1 : 0);
    expect(retrains).toBeGreaterThanOrEqual(this.running);
    expect(counted).toBe(this.keys.size + this.keyless);
    expect((pending?.count ?? 0) + (current?.alerts?.count ?? 0)).toBe(this.unanswered.length);
    expect(counted).toBe(this.answered + this.unanswered.length);
    if (failures >= SETTINGS.maxFailures) expect(paused).not.toBeNull();
    expect(stewardMarkdown(this.steward, this.now, null)).not.toContain('undefined');
  }
}

describe('whatever happens to a steward, in whatever order', () => {
  it('there are never two retrains at once, and no alert is forgotten', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const simulation = new Simulation();
        for (const happening of events) simulation.play(happening);
        simulation.settle();
        expect(simulation.unanswered).toEqual([]);
        expect(simulation.steward).toMatchObject({ pending: null, current: null, asked: null });
      }),
      { numRuns: 2_000 },
    );
  });

  it('a restart at any point changes nothing', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.nat(), (events, point) => {
        const [one, other] = [new Simulation(), new Simulation()];
        for (const [index, happening] of events.entries()) {
          one.play(happening);
          if (index === point % events.length) other.steward = JSON.parse(JSON.stringify(other.steward));
          other.play(happening);
        }
        expect(other.steward).toEqual(one.steward);
      }),
    );
  });
});

/** A steward whose retrain of one alert failed so many times, one after the other. */
function afterFailures(failures: number): { steward: Steward; now: number; waits: number[] } {
  let steward = alerted(createSteward('model'), ALERT, 0);
  let now = 0;
  const waits: number[] = [];
  for (let index = 0; index < failures; index += 1) {
    const decision = decide(steward, now);
    if (decision.kind === 'wait') now = decision.until ?? now;
    steward = started({ ...steward, paused: null }, `retrain-${index}`, now);
    steward = ended(steward, { ending: { code: 'failed', message: 'no' }, endedAt: now }, SETTINGS);
    waits.push(((stewardState(steward, now).until ?? now) - now) / 1000);
  }
  return { steward, now, waits };
}

describe('a steward', () => {
  it('waits twice as long after each failure, up to the limit', () => {
    expect(afterFailures(5).waits).toEqual([10, 20, 40, 60, 60]);
  });

  it('pauses itself after too many failures in a row', () => {
    expect(afterFailures(2).steward.paused).toBeNull();
    const { steward, now } = afterFailures(3);
    expect(steward).toMatchObject({ paused: { by: null }, failures: 3 });
    expect(decide(steward, now + 1e9).kind).toBe('wait');
    expect(decide(resumed(steward), now).kind).toBe('start');
  });

  it('counts a key once for 30 days, however many come after it', () => {
    let steward = alerted(createSteward('model'), { ...ALERT, key: 'first' }, 0);
    for (let index = 0; index < 12_000; index += 1) steward = alerted(steward, { ...ALERT, key: `k${index}` }, index);
    const day = 86_400_000;
    expect(alerted(steward, { ...ALERT, key: 'first' }, DAYS_KEPT * day).duplicates).toBe(1);
    expect(alerted(steward, { ...ALERT, key: 'first' }, (DAYS_KEPT + 1) * day).counted).toBe(12_002);
    for (const index of Array(1_000).keys()) {
      steward = alerted(steward, { ...ALERT, key: `later${index}` }, (DAYS_KEPT + 1) * day);
    }
    expect(Object.keys(steward.keys)).toEqual(['31']);
  });

  it('fits a payload with the most keys, of which the oldest go', () => {
    const full = Array<string>(32).fill('.0123456789a'.repeat(KEYS_KEPT / 32));
    let steward: Steward = { ...createSteward('model'), keys: { 0: full } };
    for (const key of ['one', 'two', '漢'.repeat(100)]) steward = alerted(steward, { ...ALERT, key }, 86_400_000);
    expect(Buffer.byteLength(JSON.stringify(steward))).toBeLessThan(1_300_000);
    expect(steward.keys[0]?.filter((entries) => entries === '')).toHaveLength(1);
    expect(alerted(steward, { ...ALERT, key: 'one' }, 86_400_001).duplicates).toBe(1);
  });
});
