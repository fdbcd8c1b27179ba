import { withRole } from '../detect/scripts.ts';
import { strangeClocks } from '../propose/clock.ts';
import { extraTasks } from '../propose/extra.ts';
import type { Proposal } from '../propose/plan.ts';
import { extraSection, monitoringSection, schedulesSection } from './around.ts';
import { render } from './entries.ts';
import { promotionSection, searchSection } from './search.ts';
import { deploymentSections } from './serving.ts';
import { stepsSection } from './steps.ts';
import { dataSection, trackingSections } from './tracking.ts';

const HEADER = `# How MediWatch runs this project, which stays as it is. Written by "mediwatch init" from what it found.
# A line that begins with "#" is not in force; FILL_IN stands for what could not be found.
# "mediwatch check" says whether it is right, and what a retrain would run.
`;

/** The text of `mediwatch.yaml`. */
export function settingsFile(proposal: Proposal): string {
  const sections = [
    ...trackingSections(proposal),
    dataSection(proposal),
    stepsSection(proposal),
    extraSection(proposal),
    searchSection(proposal),
    promotionSection(proposal),
    ...deploymentSections(proposal),
    monitoringSection(proposal),
    schedulesSection(proposal),
  ];
  return `${[HEADER.trimEnd(), ...render(sections), ...remarks(proposal)].join('\n')}\n`;
}

/** What was found and has no setting. */
function remarks(proposal: Proposal): string[] {
  const { findings } = proposal;
  const lines = [
    ...withRole(findings.scripts, 'promote').map(
      ({ path }) => `${path}: "mediwatch promote" does this now, after the gate.`,
    ),
    ...withRole(findings.scripts, 'baseline')
      .filter(({ path }) => path !== proposal.train?.script.path)
      .map(({ path }) => `${path}: a baseline; put it into steps.train to train it.`),
    ...extraTasks(findings)
      .filter(({ command }) => command === null)
      .map(({ where, what }) => `${where}: ${what}. Make a command of it, and name it in extraSteps or in steps.`),
    ...strangeClocks(findings).map(
      ({ where, cron }) => `${where} starts at ${JSON.stringify(cron)}, which is no cron expression: see schedules.`,
    ),
    ...findings.dags.slice(1).map(({ id, path }) => `The DAG ${id} (${path}): its tasks are not taken over here.`),
    ...findings.unread.slice(0, 20).map((what) => `Not read: ${what}.`),
  ];
  return lines.length === 0 ? [] : ['', '# Also found:', ...lines.map((line) => `# - ${line.replace(/\s+/g, ' ')}`)];
}
