import { condition, setCurrentDetails, setHandler } from '@temporalio/workflow';
import { failure } from '../../contracts/errors.ts';
import { driftAlert, pauseSteward, resumeSteward, retrainNow, stewardQuery } from '../../contracts/steward.ts';
import { alerted, asked, paused, refusal, resumed, type Steward, stewardState } from '../../domain/steward.ts';
import { stewardMarkdown, stewardRefusalText } from '../../words/stewardDetails.ts';
import { readAlerts, readSteering } from './stewardInput.ts';

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
