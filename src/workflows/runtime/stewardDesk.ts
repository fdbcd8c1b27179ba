import { condition, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { z } from 'zod';
import { failure } from '../../contracts/errors.ts';
import { Undecodable } from '../../contracts/payloads.ts';
import {
  DriftAlert,
  driftAlert,
  pauseSteward,
  resumeSteward,
  retrainNow,
  Steering,
  stewardQuery,
} from '../../contracts/steward.ts';
import { tooLarge, truncate } from '../../contracts/text.ts';
import { alerted, asked, paused, refusal, resumed, type Steward, stewardState } from '../../domain/steward.ts';
import { stewardMarkdown, stewardRefusalText } from '../../words/stewardDetails.ts';

/** What a steward knows, and its handlers, which change it. Each change is shown in the UI. */
export interface Desk {
  readonly steward: Steward;
  change(next: (steward: Steward) => Steward): void;
  /** From here on the pages of workflows are known, and linked. */
  linkTo(temporalUi: string): void;
}

/** Opens the desk. Signals that came with the start are taken at once. */
export function openDesk(start: Steward): Desk {
  let steward = start;
  let temporalUi: string | null = null;
  const show = () => setCurrentDetails(stewardMarkdown(steward, Date.now(), temporalUi));
  const change: Desk['change'] = (next) => {
    steward = next(steward);
    show();
  };
  show();
  const take = (input: unknown) => {
    const now = Date.now();
    change((known) => readAlerts(input).reduce((before, alert) => alerted(before, alert, now), known));
  };
  setHandler(driftAlert, take, {
    description: 'The data have drifted: {"reason": "what you saw", "key": "two alerts with one key are one"}',
  });
  setHandler(pauseSteward, (input) => change((known) => paused(known, readSteering(input), Date.now())), {
    description: 'Count alerts, but start nothing: {"by": "your name", "reason": "why"}',
  });
  setHandler(resumeSteward, () => change(resumed), {
    description: 'Go on; alerts that came meanwhile are decided: {"by": "your name"}',
  });
  setHandler(stewardQuery, () => stewardState(steward, Date.now()), {
    description: 'What it is doing: phase, alerts counted and pending, the retrain under way and the last one',
  });
  setHandler(
    retrainNow,
    async (input) => {
      change((known) => asked(known, readSteering(input)));
      await condition(() => steward.asked === null || steward.waitingFor !== null);
      return { workflowId: steward.current?.workflowId ?? null, startsAfter: steward.waitingFor };
    },
    {
      validator: (_input) => {
        const why = refusal(steward);
        if (why) throw failure('MessageRefused', `No retrain was started: ${stewardRefusalText(why)}`);
      },
      description: 'Retrain now, whatever a cooldown or a pause says: {"by": "your name", "reason": "why"}',
    },
  );
  return {
    get steward() {
      return steward;
    },
    change,
    linkTo(pages) {
      temporalUi = pages;
      show();
    },
  };
}

/**
 * Reads the alerts from whatever was sent. One that is malformed counts too, so that none is forgotten; its reason says
 * that it could not be read, and what it held.
 */
export function readAlerts(input: unknown): DriftAlert[] {
  if (!Array.isArray(input) || input.length === 0) return [readAlert(input)];
  const alerts = input.slice(0, LONGEST_LIST).map(readAlert);
  const others = input.length - alerts.length;
  if (others === 0) return alerts;
  return [...alerts, { source: 'signal', reason: `${others} more alerts of one signal, which were not read` }];
}

/**
 * What is longer than this counts as one alert from there on. We send 100 in a signal; two megabytes hold a million, and
 * a workflow task that takes 5 s fails, each time that it is tried: the steward would never do anything again.
 */
const LONGEST_LIST = 1_000;

function readAlert(input: unknown): DriftAlert {
  const parsed = parse(DriftAlert, input);
  if (parsed) return parsed;
  const key = DriftAlert.shape.key.safeParse((input as { key?: unknown }).key).data;
  return { source: 'signal', reason: unreadable('This alert', input), ...(key !== undefined && { key }) };
}

/** Reads who steers, and why. What is malformed steers too: who pauses in a hurry must not be ignored. */
export function readSteering(input: unknown): Steering {
  return parse(Steering, input) ?? { ...Steering.parse({}), reason: unreadable('The reason', input) };
}

/** Nothing at all is an empty object. */
function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> | undefined {
  if (input instanceof Undecodable) return undefined;
  return schema.safeParse(input === undefined || input === null || input === '' ? {} : input).data;
}

function unreadable(what: string, input: unknown): string {
  const held = input instanceof Undecodable ? `it is not JSON: ${input.problem}` : (tooLarge(input) ?? text(input));
  return truncate(`${what} could not be read: ${held}`, 500);
}

/** JSON may be nested deeper than it can be written again. */
function text(input: unknown): string {
  try {
    return JSON.stringify(input);
  } catch {
    return 'it is nested too deeply';
  }
}
