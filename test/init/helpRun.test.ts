import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { canEnclose, lookAt, silentScripts, withHelp } from '../../src/init/index.ts';
import { withProject } from './support.ts';

const enclosed = await canEnclose();
let asked = 0;
const server = createServer((_request, response) => {
  asked += 1;
  response.end();
});
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
});
afterAll(() => server.close());

/** Its options are made in a loop: the syntax tree does not show them. */
const SOURCE = (port: number) => `
import argparse
import urllib.request

try:
    urllib.request.urlopen("http://127.0.0.1:${port}/", timeout=2)
except OSError:
    pass
parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
for name, value in {"lr": 0.1, "trees": 50}.items():
    parser.add_argument("--" + name, type=type(value), default=value, help="set it")
parser.parse_args()
import mlflow

mlflow.log_metric("test_auc", 0.5)
`;

it.runIf(enclosed)(
  'options that the source hides are asked for with --help, and no request leaves the machine',
  async () => {
    await withProject('empty', async (folder) => {
      await writeFile(join(folder, 'train.py'), SOURCE((server.address() as AddressInfo).port));
      const before = await lookAt(folder);
      expect(silentScripts(before).map(({ path }) => path)).toEqual(['train.py']);
      const after = await withHelp(before, folder, new AbortController().signal);
      expect(after.programs[0]?.options).toMatchObject([
        { flag: '--lr', type: 'float', default: 0.1 },
        { flag: '--trees', type: 'int', default: 50 },
      ]);
      expect(asked).toBe(0);
    });
  },
);
