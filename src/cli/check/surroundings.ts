import { isDeepStrictEqual } from 'node:util';
import { secretVariables, unknownVariables } from '../../config/environment.ts';
import { type Config, forModel, type Located, modelNames } from '../../config.ts';
import { valueAt } from '../../contracts/schemas.ts';
import { dataCheck } from '../../doctor/checks/data.ts';
import { mlflowCheck } from '../../doctor/checks/mlflow.ts';
import { temporalCheck } from '../../doctor/checks/temporal.ts';
import { openContext } from '../../doctor/context.ts';
import { runChecks } from '../../doctor/run.ts';
import type { Io } from '../cli.ts';
import { type Remark, remark, warningOf } from './remark.ts';

/** A person waits for the answers (ms). */
const LIMIT_MS = 8_000;

/** What a server said of itself, or why it did not. */
export interface Server {
  name: string;
  answers: boolean;
  text: string;
}

/** Temporal and MLflow as seen from here. One that is not there yet is no fault of the settings. */
export async function examineServers(config: Config, io: Io): Promise<{ servers: Server[]; remarks: Remark[] }> {
  const context = openContext(config, io.env, io.interrupted);
  try {
    const reports = await runChecks([temporalCheck, mlflowCheck], context, { limitMs: LIMIT_MS });
    const servers = reports.map(({ check, level, findings }) => {
      return { name: check, answers: level !== 'problem', text: findings.map(({ text }) => text).join('; ') };
    });
    const remarks = reports.flatMap(({ check, findings }) =>
      findings
        .filter(({ level }) => level === 'problem' || level === 'warning')
        .map(({ text, mend }) => warningOf(check, `${text.replace(/\.$/, '')}${mend ? `. To mend it: ${mend}` : ''}`)),
    );
    return { servers, remarks };
  } finally {
    await context.close();
  }
}

/** The data of each model: a table with the columns that the settings name, or whatever the project's own step reads. */
export async function examineData({ config, placeOf }: Located, io: Io): Promise<Remark[]> {
  const found = await Promise.all(
    modelNames(config).map(async (name) => {
      const own = forModel(config, name);
      const findings = await dataCheck.run(openContext(own, io.env, io.interrupted));
      return findings.flatMap(({ level, text, setting = ['data', 'path'] }) => {
        if (level !== 'problem' && level !== 'warning') return [];
        const whole = setting.slice(0, 2);
        const isCommon = isDeepStrictEqual(valueAt(own, whole), valueAt(config, whole));
        return [remark(level, { placeOf, path: isCommon ? [] : ['models', name] }, setting, text)];
      });
    }),
  );
  return found.flat();
}

/** Variables that look like settings and are none, and secrets that notifications name and nobody has set. */
export function examineVariables({ config }: Located, io: Io): Remark[] {
  const named = secretVariables(config.notifications);
  const missing = [...new Set(named)].filter((name) => !io.env[name]);
  return [
    ...unknownVariables(io.env, named).map((problem): Remark => ({ level: 'warning', ...problem })),
    ...missing.map((name) => warningOf(name, 'is not set here, and notifications need it where the worker runs')),
  ];
}
