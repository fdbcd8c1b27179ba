import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isMapping, type Path } from '../contracts/schemas.ts';

/** Names of settings and of variables whose values are secrets. */
const SECRET_NAME = /(secret|token|password|passwd|passphrase|api_?key|access_?key|private_?key|secret_?key)$/i;
const SECRET_FILE = /(secret|token|password|key)_?file$|^encryptionKeys$/i;
/** An argument whose value, in it or behind it, is a secret. */
const SECRET_FLAG = /^--?[\w-]*(?:secret|token|password|passwd|api-?key)(?:=(.*))?$/is;
/** Where a person may write an address that is a secret by itself, as that of Slack's webhooks is. */
const SECRET_ADDRESS = /^(notifications|models\..*notifications)\.\d+\.url$/;

/** Values of variables that say that there is no secret. */
const NO_SECRETS = ['true', 'false', 'none', 'null'];

/** The name of a setting, also of one in a list. */
const nameOf = (path: Path) => String(path.findLast((part) => typeof part === 'string'));

/** What may be a secret is shown nowhere. */
export function mayBeSecret(path: Path): boolean {
  return SECRET_NAME.test(String(path.at(-1)));
}

/** A text of the settings, and the part of it that is a secret; null: none is. */
export interface SettingText {
  path: Path;
  text: string;
  secret: string | null;
}

/** All texts of the settings as they were written, whether or not the schema takes them. */
export function* settingTexts(value: unknown, path: Path = []): Generator<SettingText> {
  if (typeof value === 'string' || typeof value === 'number') {
    yield { path, text: String(value), secret: secretOf(path, String(value)) };
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const flag = SECRET_FLAG.exec(String(value[index - 1]));
      const isBehind = typeof item === 'string' && flag !== null && flag[1] === undefined && !item.startsWith('-');
      if (isBehind) yield { path: [...path, index], text: item, secret: item };
      else yield* settingTexts(item, [...path, index]);
    }
  } else if (isMapping(value)) {
    for (const key in value) yield* settingTexts(value[key], [...path, key]);
  }
}

function secretOf(path: Path, text: string): string | null {
  if (mayBeSecret(path) || SECRET_ADDRESS.test(path.join('.'))) return text;
  return SECRET_FLAG.exec(text)?.[1] ?? (URL.parse(text)?.password || null);
}

/** Shorter parts of an address, such as "/hook", are no secrets, and hiding them would spoil sentences. */
const SHORTEST_PART = 6;

/** What is hidden of a secret: lines of its own each, and the parts of an address that show up by themselves. */
function piecesOf(secret: string): string[] {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  const whole = lines.length > 1 ? lines.filter((line) => line.length >= 8 && !line.startsWith('-----')) : lines;
  const url = URL.parse(secret);
  const parts = url?.host ? [url.pathname + url.search, url.pathname, url.pathname.slice(1), url.password] : [];
  return [...whole, ...parts.filter((part) => part.length >= SHORTEST_PART)].flatMap((piece) => [
    piece,
    decoded(piece),
  ]);
}

/** What a part of an address stands for; a `%` that begins no encoding stands for itself, as in Python. */
export function decoded(part: string): string {
  return part.replace(/(?:%[\da-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}

/** Every secret that a process could show: of its settings, of its environment, and of files that settings name. */
export function secretsOf(settings: unknown, env: Readonly<NodeJS.ProcessEnv>, root: string): string[] {
  const variables = Object.entries(env).flatMap(([name, value = '']) =>
    SECRET_NAME.test(name) && !NO_SECRETS.includes(value.toLowerCase()) ? [value] : (URL.parse(value)?.password ?? []),
  );
  const named = [...settingTexts(settings)].flatMap(({ path, text, secret }) => [
    ...(secret === null ? [] : [secret]),
    ...(SECRET_FILE.test(nameOf(path)) ? contentOf(resolve(root, text)) : []),
    // Notifications name variables.
    ...(/(secret|url|smtp)Env$/.test(String(path.at(-1))) ? [env[text] ?? ''] : []),
  ]);
  return [...variables, ...named].flatMap(piecesOf);
}

/** The secrets that we made, in files of the folder of the state. */
export function ownSecrets(dir: string): string[] {
  try {
    const names = readdirSync(dir).filter((name) => /(secret|token|key)$/.test(name));
    return names.flatMap((name) => contentOf(join(dir, name)));
  } catch {
    // There is none yet, or it is not ours.
    return [];
  }
}

/** Nothing of a file that cannot be read: whoever needs it says so. */
function contentOf(file: string): string[] {
  try {
    return [readFileSync(file, 'utf8').trim()];
  } catch {
    return [];
  }
}
