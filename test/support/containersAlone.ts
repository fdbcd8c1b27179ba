import { afterAll } from 'vitest';
import { holdDaemon } from './docker.ts';

// Of the files that use the Docker daemon, one at a time: what a file finds there is its own.
const held = await holdDaemon();
afterAll(() => held.release());
