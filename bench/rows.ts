import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { BUNDLED_PYTHON, PROJECT_ROOT, PYTHON_ROOT } from '../src/config.ts';
import { type Summary, say, summaries } from './figures.ts';

/** What a step took in a process of its own, imports included. */
interface Taken {
  seconds: number;
  cpuSeconds: number;
  peakMib: number;
}

const DATA = join(PROJECT_ROOT, 'data/diabetic_data.csv.gz');
const PROGRAM = `
import json, re, sys, time
from pathlib import Path
from mediwatch_training.steps import ignore_progress, run_step

begin = time.monotonic()
run_step(sys.argv[1], json.loads(sys.argv[2]), ignore_progress)
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
print(json.dumps({"seconds": time.monotonic() - begin, "cpuSeconds": time.process_time(), "peakMib": peak}))
`;
const DAY_ROWS = 100_000;

/**
 * Prepares the bundled data once, ten and a hundred times over, each time with other patients, and checks prediction logs
 * for drift that are as long, against one of ten thousand rows: in one file, and in a file for each hundred thousand rows.
 */
export async function benchRows({ copies, rounds }: { copies: number; rounds: number }) {
  const folder = mkdtempSync(join(tmpdir(), 'mediwatch-rows-'));
  try {
    const [header = '', ...lines] = gunzipSync(readFileSync(DATA)).toString().trimEnd().split('\n');
    const sizes = [1, 10, 100].filter((one) => one <= copies);
    const prepare: Record<string, Taken> = {};
    for (const size of sizes) {
      const path = join(folder, 'data.csv');
      writeTable(path, header, lines, size);
      prepare[lines.length * size] = await taken('prepare', { dataPath: path, outputDir: join(folder, 'dataset') });
      rmSync(path);
    }
    const driftCheck: Record<string, Record<string, Record<keyof Taken, Summary>>> = {};
    for (const rows of [10_000, ...sizes.map((size) => DAY_ROWS * size)]) {
      const found: Record<string, Record<keyof Taken, Summary>> = {};
      for (const [layout, fileRows] of Object.entries({ oneFile: rows, manyFiles: DAY_ROWS })) {
        const log = join(folder, 'log');
        writeLog(log, header, lines, rows, fileRows);
        const measured: Taken[] = [];
        while (measured.length < rounds)
          measured.push(await taken('monitor', { log, outputDir: join(folder, 'report') }));
        found[layout] = summaries(measured);
        rmSync(log, { recursive: true });
      }
      driftCheck[rows] = found;
    }
    return { prepare, driftCheck };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function taken(step: string, input: object): Promise<Taken> {
  const { stdout } = await execa(BUNDLED_PYTHON, ['-c', PROGRAM, step, JSON.stringify(input)], {
    env: { PYTHONPATH: PYTHON_ROOT },
  });
  say(`${step}: ${stdout}`);
  return JSON.parse(stdout) as Taken;
}

function writeTable(path: string, header: string, lines: readonly string[], copies: number): void {
  say(`writing ${lines.length * copies} rows`);
  appendFileSync(path, `${header}\n`);
  for (let copy = 0; copy < copies; copy += 1) {
    const renumbered = lines.map((line) => {
      const [encounter, patient, ...cells] = line.split(',');
      return `${encounter},${Number(patient) + copy * 1e9},${cells.join(',')}\n`;
    });
    appendFileSync(path, renumbered.join(''));
  }
}

/** Writes a log as the API does: a day for each hundred thousand rows, of which the last ends now. */
function writeLog(folder: string, header: string, lines: readonly string[], rows: number, fileRows: number): void {
  say(`writing a log of ${rows} rows, ${fileRows} a file`);
  mkdirSync(folder);
  const quoted = (cell: string) => (/^[\d.]+$/.test(cell) ? cell : `"${cell}"`);
  const records = lines.map((line) => line.split(',').slice(2, -1).map(quoted).join(','));
  const names = ['event_id', 'ts', 'model_version', ...header.split(',').slice(2, -1), 'prob', 'pred'];
  const secondsARow = 86_400 / DAY_ROWS;
  const start = Date.now() / 1000 - rows * secondsARow;
  for (let row = 0; row < rows; ) {
    const path = join(folder, `predictions.${Math.floor(row / fileRows)}.csv`);
    const until = Math.min(row + DAY_ROWS, rows);
    let text = row % fileRows === 0 ? `${names.map(quoted).join(',')}\n` : '';
    for (; row < until; row += 1) {
      const time = (start + row * secondsARow).toFixed(3);
      const probability = (((row * 7919) % 1000) / 1000).toFixed(3);
      text += `"event-${row}",${time},"1",${records[row % records.length]},${probability},${row % 9 === 0 ? 1 : 0}\n`;
    }
    appendFileSync(path, text);
    const written = start + row * secondsARow;
    utimesSync(path, written, written);
  }
}
