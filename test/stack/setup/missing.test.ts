import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Checkout, createCheckout } from './checkout.ts';

let checkout: Checkout;
beforeEach(() => {
  checkout = createCheckout();
});
afterEach(() => checkout.dispose());

async function failure(env: Record<string, string> = {}): Promise<string> {
  const { exitCode, output } = await checkout.run([], env);
  expect(exitCode).toBe(1);
  return output;
}

test('no Python: what is needed and how to get it', async () => {
  checkout.remove('python3.12');
  expect(await failure()).toMatch(/Python is missing: install Python 3\.10 or newer.*apt-get install python3/);
});

test('a Python that is too old is named with its version', async () => {
  checkout.remove('python3.12');
  checkout.program('python3', 'echo 3 9 True');
  expect(await failure()).toMatch(/python3 is Python 3\.9, which is too old: install Python 3\.10 or newer/);
});

test('a Python without venv: the package that holds it', async () => {
  expect(await failure({ PYTHON_VENV: 'False' })).toMatch(
    /has no venv module: install it .*apt-get install python3-venv/,
  );
});

test('MEDIWATCH_SETUP_PYTHON that does not run is named', async () => {
  expect(await failure({ MEDIWATCH_SETUP_PYTHON: '/nowhere/python' })).toContain(
    'MEDIWATCH_SETUP_PYTHON names /nowhere/python, which is not a Python that runs.',
  );
});

test('no npm', async () => {
  checkout.remove('npm');
  expect(await failure()).toContain('npm is missing from the PATH: install Node with npm');
});

test('no network: said in a sentence, with the line that tells it', async () => {
  const output = await failure({ NPM_SAYS: 'npm error code ENOTFOUND' });
  expect(output).toContain('The package registry cannot be reached: check the network');
  expect(output).toContain('npm error code ENOTFOUND');
});

test('a full disk', async () => {
  expect(await failure({ PIP_SAYS: 'ERROR: [Errno 28] No space left on device' })).toContain('The disk is full: free');
});

test('one part that fails does not stop the others, and the next run does only what is missing', async () => {
  await failure({ NPM_SAYS: 'npm error code ENOTFOUND' });
  expect(await checkout.run()).toMatchObject({ exitCode: 0 });
  expect(checkout.calls().filter((call) => call.startsWith('pip'))).toHaveLength(1);
});
