import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identityOf } from './identity.mjs';

/*
 * A lock that a dead holder does not keep. Each contender puts a numbered ticket into a folder; the lowest ticket whose
 * process is alive has the lock. Nobody removes the ticket of a living process, so there is no moment in which two can
 * both believe that they have just removed a dead one's.
 */

/**
 * Takes the lock, or says who has it.
 *
 * @param {string} folder holds the tickets; is made
 * @returns {{release(): void, afterCrash: boolean} | {holder: {pid: number, since: string}}}
 */
export function tryLock(folder) {
  const ticket = draw(folder);
  const holder = ticket.before();
  if (!holder) return ticket.take();
  ticket.release();
  return { holder };
}

/**
 * Waits for the lock.
 *
 * @param {string} folder
 * @param {(holder: {pid: number, since: string}) => void} onWait called once, when someone else has it
 */
export async function lock(folder, onWait) {
  const ticket = draw(folder);
  for (let holder = ticket.before(), told = false; holder; holder = ticket.before()) {
    if (!told) onWait(holder);
    told = true;
    await delay(100);
  }
  return ticket.take();
}

function draw(folder) {
  mkdirSync(folder, { recursive: true });
  const draft = join(folder, `draft-${process.pid}-${process.hrtime.bigint()}`);
  const content = { pid: process.pid, identity: identityOf(process.pid), since: new Date().toISOString() };
  writeFileSync(draft, JSON.stringify(content));
  try {
    for (;;) {
      const number = (numbers(folder).at(-1) ?? 0) + 1;
      const path = join(folder, String(number));
      // A link appears with its content, and only one of two contenders gets a number.
      if (!link(draft, path)) continue;
      if (numbers(folder).at(-1) === number) return ticketOf(folder, number, path);
      // A higher one was drawn before ours: it may hold already, so ours must come after it.
      unlinkSync(path);
    }
  } finally {
    unlinkSync(draft);
  }
}

function ticketOf(folder, number, path) {
  const earlier = () => numbers(folder).filter((other) => other < number);
  return {
    before: () =>
      earlier()
        .map((other) => read(join(folder, String(other))))
        .find(isAlive),
    take() {
      const dead = earlier();
      for (const other of dead) rmSync(join(folder, String(other)), { force: true });
      return { afterCrash: dead.length > 0, release: this.release };
    },
    release: () => rmSync(path, { force: true }),
  };
}

function numbers(folder) {
  return readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

function link(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined; // released since
  }
}

function isAlive(holder) {
  return holder !== undefined && identityOf(holder.pid) === holder.identity;
}
