import { duration, score, utcMinute } from '../../words/numbers.ts';
import type { Style } from '../io.ts';
import { stewardLine } from '../steward/text.ts';
import type { ApiState } from './api.ts';
import type { ExecutionState } from './executions.ts';
import type { ModelState, Overview } from './overview.ts';
import type { RegistryState, VersionState } from './registry.ts';
import type { NextStart } from './schedules.ts';

/** The overview in lines for a reader. */
export function overviewLines(overview: Overview, style: Style, now: Date): string[] {
  const { others, running, recent, schedules, problems } = overview;
  return [
    ...modelLines(overview, style, now),
    ...others.flatMap((model) => ['', ...modelLines(model, style, now)]),
    ...(schedules ?? []).map(scheduleLine),
    ...(running ? ['', style('bold', 'Running'), ...executionLines(running, now)] : []),
    ...(recent ? ['', style('bold', 'Ended last'), ...executionLines(recent, now)] : []),
    ...(problems.length > 0 ? ['', ...problems.map((problem) => style('red', problem))] : []),
  ];
}

function modelLines(model: ModelState, style: Style, now: Date): string[] {
  const { registeredModel, registry, api, lock, steward } = model;
  const [holder, ...waiting] = lock ?? [];
  return [
    style('bold', registeredModel),
    ...(registry ? registryLines(registry) : []),
    ...(api ? apiLines(api) : []),
    ...agreementLines(model, style),
    ...(holder ? [`  Lock        held by ${holder.workflowId} (${holder.purpose}); ${waiting.length} waiting`] : []),
    ...(steward ? [`  Drift       steward: ${stewardLine(steward, now.getTime())}`] : []),
  ];
}

function apiLines({ version, url, problem }: ApiState): string[] {
  return version === null
    ? [`  API         serves nothing at ${url}: ${problem}`]
    : [`  API         version ${version} at ${url}`];
}

function scheduleLine({ name, at, state }: NextStart): string {
  const next = at ? `next ${utcMinute(at)}` : 'starts nothing now';
  return `  Schedule    ${name}: ${next}${state === 'as declared' ? '' : ` (${state}: see "mediwatch schedules")`}`;
}

function registryLines({ production, staging, newest, versions }: RegistryState): string[] {
  if (versions === 0) return ['  No version yet: "mediwatch retrain --follow" makes the first.'];
  const shown = [production, ...staging].map((version) => version?.version);
  return [
    `  Production  ${production ? versionText(production) : 'empty'}`,
    ...staging.map((version) => `  Staging     ${versionText(version)}`),
    ...(newest && !shown.includes(newest.version) ? [`  Newest      ${versionText(newest)}`] : []),
  ];
}

function versionText({ version, testAuc, aliases, createdAt }: VersionState): string {
  const names = aliases.map((alias) => ` @${alias}`).join('');
  return `version ${version}, test AUC ${score(testAuc)}, of ${createdAt.slice(0, 16).replace('T', ' ')} UTC${names}`;
}

function agreementLines({ agrees, registry, api }: ModelState, style: Style): string[] {
  if (agrees === true) return [style('green', '              which is what is in Production')];
  if (agrees === null) return [];
  const text =
    `  The API serves version ${api?.version}, but version ${registry?.production?.version} is in Production. ` +
    'Bring it there with "mediwatch redeploy".';
  return [style('yellow', text)];
}

function executionLines(executions: readonly ExecutionState[], now: Date): string[] {
  if (executions.length === 0) return ['  none'];
  const width = Math.max(...executions.map(({ workflowId }) => workflowId.length));
  return executions.map(({ workflowId, state, startedAt, endedAt }) => {
    const took = duration((endedAt ? Date.parse(endedAt) : now.getTime()) - Date.parse(startedAt));
    return `  ${workflowId.padEnd(width)}  ${state.padEnd(9)}  ${took}`;
  });
}
