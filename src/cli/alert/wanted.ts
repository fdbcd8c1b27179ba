import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { Config } from '../../config.ts';
import type { DriftVerdict } from '../../contracts/drift.ts';
import { DriftAlert } from '../../contracts/steward.ts';
import { alertOf, judgeDrift } from '../../domain/driftGate.ts';
import { driftVerdictText } from '../../words/verdicts.ts';
import { wrongFields } from '../../words/wrongFields.ts';
import type { Cli } from '../cli.ts';
import { readReport } from '../drift/readReport.ts';
import { CommandError, EXIT } from '../exit.ts';

/** The flags that make an alert. */
export interface AlertFlags {
  reason?: string;
  key?: string;
  source?: string;
  report?: string;
  link?: string;
  share?: number;
  force?: boolean;
}

/** An alert, and what the gate says of the report that it comes from; null: it comes from none. */
export interface WantedAlert {
  alert: DriftAlert & { key: string };
  verdict: DriftVerdict | null;
  /** Whether it is to be raised. */
  raised: boolean;
}

/**
 * Makes the alert that the flags describe. With a report it is raised only when that is drift, or by force.
 *
 * @throws {CommandError} naming a wrong flag, or saying why a report cannot be judged
 */
export async function alertFrom(cli: Cli, config: Config, flags: AlertFlags): Promise<WantedAlert> {
  const { report, link, force } = flags;
  const isLink = report !== undefined && /^https?:\/\//.test(report);
  const said = {
    source: flags.source ?? 'mediwatch alert',
    report: link ?? (isLink ? report : undefined),
    ...(flags.reason !== undefined && { reason: flags.reason }),
    ...(flags.key !== undefined && { key: flags.key }),
    ...(flags.share !== undefined && { share: flags.share }),
  };
  // Each call is an alert of its own, however often it has to be sent.
  if (report === undefined || isLink) {
    return { alert: checked({ key: `command/${randomUUID()}`, ...said }), verdict: null, raised: true };
  }
  const document = await readReport(cli, config, report);
  const verdict = judgeDrift(document, config.driftGate, config.monitoring.minRows);
  if (verdict.verdict === 'cannot tell' && !force) {
    const next = 'Nothing was raised. Correct driftGate in mediwatch.yaml, or raise it with --force.';
    throw new CommandError(EXIT.usage, `${driftVerdictText(verdict)}. ${next}`);
  }
  const alert = checked({ ...alertOf(document, { reason: driftVerdictText(verdict), ...said }), ...said });
  return { alert, verdict, raised: verdict.verdict === 'drift' || force === true };
}

function checked(alert: z.input<typeof DriftAlert>): DriftAlert & { key: string } {
  const schema = DriftAlert.required({ key: true });
  const parsed = schema.safeParse(alert);
  if (parsed.success) return parsed.data;
  const fields = wrongFields(parsed.error.issues, { schema, value: alert, written: 'json' });
  const wrong = fields.map(({ path, message }) => `--${String(path[0])}: ${message}`);
  throw new CommandError(EXIT.usage, `Nothing was raised. ${wrong.join('; ')}.`);
}
