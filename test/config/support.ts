import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Problem } from '../../src/config/problems.ts';
import { type Config, ConfigError, loadConfig } from '../../src/config.ts';

/** A folder with a `mediwatch.yaml`, gone when the test is over. */
export function folderWith(text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'mediwatch-config-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'mediwatch.yaml'), text);
  return dir;
}

export function load(text: string, env: Record<string, string> = {}): Config {
  return loadConfig(env, folderWith(text));
}

/** The error of settings that cannot be used. */
export function refusal(text: string, env: Record<string, string> = {}): ConfigError {
  try {
    load(text, env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error(`Nothing was wrong with:\n${text}`);
}

/** Each problem as `line:column path: message`. */
export function messages(text: string, env: Record<string, string> = {}): string[] {
  return refusal(text, env).problems.map(inOne);
}

const inOne = ({ line, column, variable, path, message }: Problem) =>
  `${variable ?? `${line}:${column}`} ${path}: ${message}`;
