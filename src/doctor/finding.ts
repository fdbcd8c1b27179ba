import type { Path } from '../contracts/schemas.ts';

/** What a check found. */
export interface Finding {
  /** `problem`: something does not work; `warning`: it will not for long, or less than it should; `skipped`: not looked at. */
  level: 'ok' | 'warning' | 'problem' | 'skipped';
  /** What is so, in words. */
  text: string;
  /** The command or the setting that mends it. */
  mend?: string;
  /** The setting that it is about, where it is one. */
  setting?: Path;
}

export const ok = (text: string): Finding => ({ level: 'ok', text });
export const warning = (text: string, mend: string): Finding => ({ level: 'warning', text, mend });
export const problem = (text: string, mend: string): Finding => ({ level: 'problem', text, mend });
export const skipped = (text: string): Finding => ({ level: 'skipped', text });

const SEVERITY: readonly Finding['level'][] = ['problem', 'warning', 'ok', 'skipped'];

/** The worst level among the findings; `skipped` when there are none. */
export function worstOf(findings: readonly Finding[]): Finding['level'] {
  return SEVERITY.find((level) => findings.some((finding) => finding.level === level)) ?? 'skipped';
}

/** The problems in a few sentences, each with what mends it; empty when there are none. */
export function problemsInWords(findings: readonly Finding[]): string {
  const problems = findings.filter(({ level }) => level === 'problem');
  return problems.map(({ text, mend }) => `${sentence(text)} To mend it: ${mend}`).join(' ');
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
