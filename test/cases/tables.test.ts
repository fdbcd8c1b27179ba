import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';

const INPUTS = join(import.meta.dirname, 'inputs/tables');
const python = process.env.MEDIWATCH_TEST_PYTHON ?? join(PROJECT_ROOT, 'python/.venv/bin/python');

interface Prepared {
  rows: number;
  features: Array<{ name: string; kind: string; format?: string }>;
  dropped: Array<{ name: string; reason: string }>;
  remarks: Array<{ code: string; column?: string; cells?: number; line?: number; detail?: string }>;
}
interface Answer {
  id?: number;
  result?: unknown;
  error?: { type: string; message: string; field: string | null };
}

let dir: string;
let steps: Steps;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'mediwatch-tables-'));
  steps = new Steps();
});
afterAll(async () => {
  await steps.close();
  rmSync(dir, { recursive: true, force: true });
});

/** The bundled steps in one process, as a worker runs them: most of what one takes is Python's start. */
class Steps {
  private readonly process = spawn(python, ['-m', 'mediwatch_training.pool'], {
    cwd: join(PROJECT_ROOT, 'python'),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private count = 0;

  constructor() {
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer & { progress?: unknown };
      if (answer.id !== undefined && answer.progress === undefined) this.waiting.get(answer.id)?.(answer);
    });
  }

  run(step: string, input: object): Promise<Answer> {
    const id = ++this.count;
    this.process.stdin.write(`${JSON.stringify({ id, step, input })}\n`);
    return new Promise((resolve) => this.waiting.set(id, resolve));
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.stdin.end();
    await gone;
  }
}

let outputs = 0;
const prepare = (file: string, target: string, positive: string, more: object = {}) => {
  const outputDir = join(dir, `out-${++outputs}`);
  const input = { dataPath: file, outputDir, target, positive, group: null, ...more };
  return steps.run('prepare', input).then((answer) => ({ ...answer, outputDir }));
};
const prepared = async (...given: Parameters<typeof prepare>): Promise<Prepared & { outputDir: string }> => {
  const { result, error, outputDir } = await prepare(...given);
  expect(error).toBeUndefined();
  return { ...(result as Prepared), outputDir };
};
/** How well a model with a few trees ranks the validation split. */
const validationAuc = async (datasetDir: string): Promise<number> => {
  const { result } = await steps.run('trial', { datasetDir, params: { max_iter: 40 } });
  return (result as { score: number }).score;
};
const kindsOf = ({ features }: Prepared) => Object.fromEntries(features.map(({ name, kind }) => [name, kind]));
const own = (name: string, content: string | Buffer): string => {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
};
/** 300 rows: a line for each, its outcome decided by `x`. */
const rows = (header: string[], cells: (n: number, x: number) => Array<string | number>, separator = ','): string => {
  const line = (n: number) => {
    const x = (n * 37) % 101;
    return [...cells(n, x), x > 60 ? 'yes' : 'no'].join(separator);
  };
  return `${[[...header, 'late'].join(separator), ...Array.from({ length: 300 }, (_, n) => line(n))].join('\n')}\n`;
};

describe('tables that others export', () => {
  it('semicolons between cells are found', async () => {
    const result = await prepared(join(INPUTS, 'semicolons.csv'), 'full', 'yes');
    expect(kindsOf(result)).toEqual({
      hour: 'numeric',
      cars: 'numeric',
      weather: 'categorical',
      price_per_hour: 'numeric',
    });
    expect(result.remarks).toEqual([{ code: 'separator', detail: ';' }]);
  });

  it('tabs, pipes, decimal commas, Latin-1 and UTF-16 are read as the same table', async () => {
    const header = ['größe', 'preis', 'ort'];
    const cells = (n: number, x: number) => [x, `1.${String(n).padStart(3, '0')},5`, n % 2 ? 'Köln' : 'Ulm'];
    const read = [
      await prepared(own('tabs.csv', Buffer.from(rows(header, cells, '\t'), 'latin1')), 'late', 'yes'),
      await prepared(own('pipes.csv', `\uFEFF${rows(header, cells, '|')}`), 'late', 'yes'),
      await prepared(own('utf16.csv', Buffer.from(`\uFEFF${rows(header, cells, ';')}`, 'utf16le')), 'late', 'yes'),
    ];
    for (const result of read) {
      expect(result.features).toEqual([
        { name: 'ort', kind: 'categorical' },
        { name: 'größe', kind: 'numeric' },
        { name: 'preis', kind: 'numeric', format: '1.234,5' },
      ]);
    }
    expect(read.map(({ remarks }) => remarks.map(({ code, detail }) => detail ?? code))).toEqual([
      ['windows-1252', '\t'],
      ['|'],
      ['utf-16', ';'],
    ]);
  });

  it('names keep their blanks and brackets', async () => {
    const result = await prepared(join(INPUTS, 'bom-and-spaces.csv'), 'fails soon', 'yes');
    expect(kindsOf(result)).toEqual({
      'pump id': 'categorical',
      'Flow [l/min]': 'numeric',
      ' Vibration (mm/s)': 'numeric',
      'Temp {C} ': 'numeric',
      site: 'categorical',
    });
  });

  it('dates, money, truth values and remarks are read as what they are, so that the model learns', async () => {
    const result = await prepared(join(INPUTS, 'dates-money-text.csv'), 'churned', 'yes');
    expect(kindsOf(result)).toEqual({
      joined: 'date',
      last_ride: 'date',
      spent: 'numeric',
      helmet: 'boolean',
      newsletter: 'boolean',
      comment: 'text',
    });
    expect(result.features.find(({ name }) => name === 'joined')?.format).toBe('dd/mm/yyyy');
    expect(result.dropped).toEqual([{ name: 'rider', reason: 'identifier' }]);
    expect(await validationAuc(result.outputDir)).toBeGreaterThan(0.85);
  });

  it('American dates and dollars are told from others by all rows', async () => {
    const day = (x: number) => `${String((x % 12) + 1).padStart(2, '0')}/${String((x % 28) + 1).padStart(2, '0')}/2025`;
    const file = own(
      'american.csv',
      rows(['opened', 'paid'], (_, x) => [day(x), `"$1,${String(100 + x)}.50"`]),
    );
    const { features } = await prepared(file, 'late', 'yes');
    expect(features).toEqual([
      { name: 'paid', kind: 'numeric' },
      { name: 'opened', kind: 'date', format: 'mm/dd/yyyy' },
    ]);
  });

  it('a cell of another kind loses itself and not its column, and is told by its line', async () => {
    const odd = new Map([
      [10, 'N/A'],
      [20, '"1,234"'],
      [30, '12%'],
      [40, 'SECRET'],
    ]);
    const file = own(
      'odd.csv',
      rows(['km', 'dose'], (n, x) => [odd.get(n) ?? x, `${x} mg`]),
    );
    const result = await prepared(file, 'late', 'yes');
    expect(kindsOf(result)).toEqual({ km: 'numeric', dose: 'categorical' });
    expect(result.remarks).toEqual([
      { code: 'pointOrComma', column: 'km' },
      { code: 'lost', column: 'km', cells: 1, line: 42 },
      { code: 'units', column: 'dose', cells: 300, line: 2 },
    ]);
  });

  it('the index of a sorted table is not learned', async () => {
    const lines = rows(['', 'km', 'plant'], (n) => [n, n % 7, 'north']);
    const result = await prepared(own('index.csv', lines), 'late', 'yes');
    expect(result.dropped).toEqual([
      { name: '', reason: 'rowNumber' },
      { name: 'plant', reason: 'constant' },
    ]);
  });
});

describe('files that are no table', () => {
  it.each([
    ['duplicate-columns.csv', 'leaks', "more than one column named 'flow'"],
    ['one-cell-too-many.csv', 'late', 'line 64 has 6 cells, the header 5'],
  ])('%s is refused', async (name, target, said) => {
    const { error } = await prepare(join(INPUTS, name), target, 'yes');
    expect(error).toMatchObject({ type: 'DataInvalid', message: expect.stringContaining(said) });
    expect(error?.message).not.toContain('PATIENT');
  });

  const table = rows(['km', 'ward'], (n, x) => [x, n % 3]);
  it.each<[string, string | Buffer, string]>([
    ['twice.csv', table + table, 'Line 302'],
    ['short.csv', table.replace('\n37,1,no', '\n37,no'), 'line 3 has 2 cells'],
    ['pointer.csv', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n', 'git lfs pull'],
    ['login.csv', '<html><body>Sign in</body></html>', 'HTML'],
    ['rows.csv', '[{"km": 1}]', 'JSON'],
    ['names.csv', table.replace('km,ward', 'km,km'), "'km'"],
  ])('%s is refused with what to do', async (name, content, said) => {
    const { error } = await prepare(own(name, content), 'late', 'yes');
    expect(error).toMatchObject({ type: 'DataInvalid', message: expect.stringContaining(said) });
  });
});
