import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Output, styleFor, writeJson, writeLine } from '../../src/cli/cli.ts';
import { main } from '../../src/cli/main.ts';
import { liveView } from '../../src/cli/views/live.ts';
import { printable } from '../../src/config/printable.ts';
import { PROJECT_ROOT } from '../../src/config.ts';
import { memory } from '../cli/support.ts';

/** What others may put into a name, a reason, a tag or a line of a log. */
const HOSTILE = {
  title: '\x1b]0;owned\x07',
  clipboard: '\x1b]52;c;cm0gLXJmIH4=\x07',
  link: '\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\',
  clearing: '\x1b[2J\x1b[1;1H',
  oneByte: '\x9b2J\x9d0;owned\x9c',
  overwriting: 'refused\rpromoted',
  backspaces: 'refused\b\b\b\b\b\b\bpromoted',
  turned: '\u202egnp.exe\u202c \u2066x\u2069',
  device: '\x1bP$q"p\x1b\\\x1bc',
  deleting: '\x7f\x7f',
  hidden: '\x1b[8mhidden\x1b[30;40m',
};

/** What acts on a terminal, besides tab, new line and the colours that we draw with. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ACTING = /(?!\x1b\[(?:1|2|22|3[0-7]|39|90|4|24)m)[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

const terminal = () => Object.assign(memory(), { isTTY: true, columns: 100, rows: 40 }) satisfies Output;

describe('nothing that others wrote acts on a terminal', () => {
  it.each(Object.entries(HOSTILE))('%s', (_kind, text) => {
    const stream = terminal();
    const style = styleFor(stream, { FORCE_COLOR: '1' });
    writeLine(stream, `${style('red', 'version 3')} ${text} ${style('bold', text)}`);
    expect(stream.text()).not.toMatch(ACTING);
    expect(stream.text()).toContain('\x1b[31mversion 3\x1b[39m');
    // Its colours neither show nor end ours.
    expect(stream.text().split('\x1b')).toHaveLength(5);
  });

  it('whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(ACTING);
        const plain = text.replace(/[^\n\t -~]/g, '');
        expect(printable(plain).length).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('in JSON, which stays the same JSON', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
        (text) => {
          const stream = terminal();
          writeJson(stream, { text });
          expect(stream.text().slice(0, -1)).not.toMatch(ACTING);
          expect(JSON.parse(stream.text())).toEqual({ text });
        },
      ),
    );
  });

  it('in the live view', () => {
    const stream = terminal();
    const view = liveView(stream, styleFor(stream, { FORCE_COLOR: '1' }));
    view.notices(Object.values(HOSTILE));
    view.close();
    const drawn = stream.text();
    // What is left is what draws the lines in place.
    expect(stripVTControlCharacters(drawn).replaceAll('\n', '')).not.toMatch(ACTING);
    for (const text of ['\x1b]', '\x1b[2J', '\x9b', '\r', '\b', '\u202e', '\x1bP', '\x1b[8m'])
      expect(drawn).not.toContain(text);
  });
});

describe('the command', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'terminal-'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  const run = async (args: string[]) => {
    const [stdout, stderr] = [terminal(), terminal()];
    const io = { stdout, stderr, env: { FORCE_COLOR: '1', TEMPORAL_ADDRESS: '127.0.0.1:1' }, cwd: root };
    const code = await main(args, { ...io, interrupted: new AbortController().signal });
    return { code, text: stdout.text() + stderr.text() };
  };

  it.each(Object.entries(HOSTILE))('shows names and values of settings as text: %s', async (_kind, text) => {
    const quoted = JSON.stringify(text);
    await writeFile(
      join(root, 'mediwatch.yaml'),
      `search:\n  ${quoted}: 1\n  trials: ${quoted}\n# ${text.replaceAll(/[\r\n]/g, '')}\n`,
    );
    const { code, text: said } = await run(['check', '--offline']);
    expect(code).toBe(2);
    expect(said).toContain('unknown setting');
    expect(said).not.toMatch(ACTING);
  });

  it.each(Object.entries(HOSTILE))('shows what was typed as text: %s', async (_kind, text) => {
    await rm(join(root, 'mediwatch.yaml'), { force: true });
    for (const args of [[text], ['status', '--model', text], ['logs', text, text], ['help', text]]) {
      expect((await run(args)).text).not.toMatch(ACTING);
    }
  });
});

/** Writers that may write past the one way: what they write is not from others, or went that way before. */
const WRITERS: Record<string, RegExp> = {
  'cli/cli.ts': /printable|inert/,
  'cli/program.ts': /printable/,
  'cli/production.ts': /'\\n'|printable/,
  'client.ts': /could not be written/,
  'stack/run.ts': /printable/,
  'stack/firstRetrain.ts': /printable/,
  'stack/main.ts': /printable/,
  'worker.ts': /printable/,
  'docs/main.ts': /./,
};

it('nothing writes to a terminal but the one writer', async () => {
  const src = join(PROJECT_ROOT, 'src');
  const files = (await readdir(src, { recursive: true })).filter((name) =>
    /^((cli|stack|doctor|init|docs)\/.*|client|worker)\.ts$/.test(name),
  );
  for (const file of files) {
    const lines = (await readFile(join(src, file), 'utf8')).split('\n');
    const writing = lines.filter((line) =>
      /\b(stdout|stderr|stream|output)\)?\.write\(|console\.|\bprompt\.question\(/.test(line),
    );
    for (const line of writing) expect(`${file}: ${line}`).toMatch(WRITERS[file] ?? /^$/);
  }
});
