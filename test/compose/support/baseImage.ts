import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** Base of all images of compose.local.yml: Debian with Python. */
const TAG = 'local/python:3.11';
const PACKAGES = ['python3', 'python3-venv', 'python3-pip', 'ca-certificates'];

/** Makes the base image from Debian packages, unless the machine has it. */
export async function ensureBaseImage(): Promise<void> {
  const { exitCode } = await execa('docker', ['image', 'inspect', TAG], { reject: false, stdout: 'ignore' });
  if (exitCode === 0) return;
  const root = await mkdtemp(join(tmpdir(), 'mediwatch-base-'));
  try {
    await execa('debootstrap', ['--variant=minbase', `--include=${PACKAGES.join(',')}`, 'bookworm', root]);
    const tar = execa('tar', ['-C', root, '-c', '.'], { buffer: false });
    await tar.pipe('docker', ['import', '-c', 'CMD ["python3"]', '-', TAG]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
