import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, it } from 'vitest';
import { pinnedPackages } from '../../lint/packages.ts';
import { PROJECT_ROOT } from '../../src/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'mediwatch-advisories-'));
afterAll(() => rmSync(folder, { recursive: true }));

const lint = (script: string, ...args: string[]) =>
  execa(process.execPath, [join(PROJECT_ROOT, 'lint', script), ...args], { reject: false });
const versionOf = (name: string) => pinnedPackages().find((one) => one.name === name)?.version ?? '';

function advisory(id: string, name: string, event: object, more: object = {}): void {
  const ecosystem = ['execa', 'fastify'].includes(name) ? 'npm' : 'PyPI';
  const ranges = [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, event] }];
  const affected = [{ package: { ecosystem, name }, ranges }];
  writeFileSync(join(folder, `${id}.json`), JSON.stringify({ id, summary: 'a flaw', affected, ...more }));
}

it('advisories are compared with both lock files, without a network', async () => {
  expect(await lint('advisories.ts', folder)).toMatchObject({ exitCode: 2 });
  advisory('HIT-1', 'execa', { last_affected: versionOf('execa') });
  advisory('HIT-2', 'Flask', { fixed: '99.0rc1' });
  advisory('MISS-1', 'fastify', { fixed: versionOf('fastify') });
  advisory('MISS-2', 'numpy', { fixed: `${versionOf('numpy')}rc1` });
  advisory('MISS-3', 'execa', { fixed: '99' }, { withdrawn: '2026-01-01T00:00:00Z' });
  const { exitCode, stdout } = await lint('advisories.ts', folder);
  expect(exitCode).toBe(1);
  expect(stdout.match(/(HIT|MISS)-\d/g)?.sort()).toEqual(['HIT-1', 'HIT-2']);
});

it('the bill of materials names every package of both lock files, with npm’s digests', async () => {
  const { components } = JSON.parse((await lint('sbom.ts')).stdout);
  expect(components).toHaveLength(pinnedPackages().length);
  const refs = components.map((component: { purl: string }) => component.purl);
  expect(new Set(refs).size).toBe(refs.length);
  expect(refs).toContain(`pkg:pypi/mlflow@${versionOf('mlflow')}`);
  const client = components.find(({ name }: { name: string }) => name === '@temporalio/client');
  expect(client).toMatchObject({ purl: expect.stringMatching(/^pkg:npm\/%40temporalio\/client@/) });
  expect(client.hashes[0]).toMatchObject({ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) });
});
