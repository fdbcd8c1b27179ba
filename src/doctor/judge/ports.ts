import { variableOf } from '../../config.ts';
import { type Finding, problem } from '../finding.ts';

export interface PortState {
  port: number;
  /** Such as `stack.apiPort`. */
  setting: string;
  /** What is meant to listen there. */
  part: string;
  listening: boolean;
  /** Whether the part itself answers. */
  answers: boolean;
  /** Process that listens, in words, where it can be told. */
  holder: string | null;
}

/** A port is wrong when something listens on it that is not the part of ours for which it is meant. */
export function judgePort({ port, setting, part, listening, answers, holder }: PortState): Finding[] {
  if (!listening || answers) return [];
  const by = holder ? ` by ${holder}` : '';
  const variable = variableOf(setting.split('.'));
  const text = `port ${port} of ${part} is taken${by}, and it is not ${part} that answers there`;
  return [problem(text, `free it, or choose another one: ${setting} in mediwatch.yaml, or ${variable}`)];
}
