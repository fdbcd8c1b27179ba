import { mayBeSecret } from '../config/secrets.ts';
import { isMapping, type Path } from '../contracts/schemas.ts';
import { type Finding, finding } from '../words/findings.ts';

/** What `mediwatch init` leaves where it has found no value. */
const FILL_IN = 'FILL_IN';
/** Settings whose texts have braces of their own: placeholders, patterns, values. */
const WITH_BRACES = ['command', 'env', 'outputs', 'hide', 'choices', 'input', 'retrain', 'contract'];

/** Texts of the settings that are still to be filled in, or hold a placeholder where none is filled. */
export function examineTexts(settings: unknown): Finding[] {
  return textsIn(settings, []).flatMap(({ path, text }): Finding[] => {
    if (text.includes(FILL_IN)) return [finding('fillIn', {}, path)];
    const mayHaveBraces = path.some((part) => WITH_BRACES.includes(String(part))) || mayBeSecret(path);
    return !mayHaveBraces && /\{[A-Za-z_][\w.]*\}/.test(text) ? [finding('filledNowhere', { text }, path)] : [];
  });
}

function textsIn(value: unknown, path: Path): Array<{ path: Path; text: string }> {
  if (typeof value === 'string') return [{ path, text: value }];
  if (Array.isArray(value)) return value.flatMap((item, index) => textsIn(item, [...path, index]));
  if (!isMapping(value)) return [];
  return Object.entries(value).flatMap(([name, below]) => [
    ...(name.includes(FILL_IN) ? [{ path: [...path, name], text: name }] : []),
    ...textsIn(below, [...path, name]),
  ]);
}
