import { examine, type Findings } from './findings.ts';
import { canEnclose, optionsFromHelp, silentScripts } from './help.ts';
import { type Proposal, propose } from './propose/plan.ts';
import type { Answers } from './propose/questions.ts';
import { openProject } from './view.ts';
import { settingsFile } from './write/file.ts';

export type { Findings } from './findings.ts';
export { silentScripts } from './help.ts';
export type { Proposal } from './propose/plan.ts';

/** Looks at the project in a folder; nothing of it is run. */
export async function lookAt(root: string): Promise<Findings> {
  return examine(await openProject(root));
}

/** The findings with what scripts tell of themselves when they are run with `--help`. */
export async function withHelp(findings: Findings, root: string, signal: AbortSignal): Promise<Findings> {
  const silent = silentScripts(findings);
  if (silent.length === 0 || !(await canEnclose())) return findings;
  const [venv] = findings.environment.venvs;
  const scripts = [...findings.scripts];
  for (const script of silent) {
    if (signal.aborted) break;
    const options = await optionsFromHelp(script, { root, venv, signal });
    if (options) scripts[scripts.indexOf(script)] = { ...script, options };
  }
  return { ...findings, scripts };
}

/** What is proposed, and the text of `mediwatch.yaml` for it. */
export function draft(findings: Findings, answers: Answers): { proposal: Proposal; text: string } {
  const proposal = propose(findings, answers);
  return { proposal, text: settingsFile(proposal) };
}
