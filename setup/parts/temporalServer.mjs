import { explain, SetupProblem } from '../problem.mjs';
import { buildTemporal } from '../temporal/build.mjs';
import { downloadTemporal } from '../temporal/download.mjs';
import { findTemporal } from '../temporal/find.mjs';
import { namesOwnTemporal } from '../temporal/own.mjs';

/**
 * The Temporal dev server: one program that no package registry of Node or Python carries.
 *
 * @param always also where the environment names somebody else's server
 * @param ways how to get it, the first one first
 */
export function temporalServer({ always, ways = [downloadTemporal, buildTemporal] }) {
  return {
    title: 'Temporal dev server',
    async isReady() {
      // Someone else's server is used, so none of our own is started.
      if (!always && !namesOwnTemporal(process.env)) return true;
      return (await findTemporal(process.env)) !== undefined;
    },
    async make(report) {
      const whyNot = [];
      for (const get of ways) {
        try {
          return await get(process.env, report);
        } catch (error) {
          whyNot.push(explain(error));
        }
      }
      throw new SetupProblem(
        `It is not on the PATH, and could be neither downloaded nor built: install it from https://docs.temporal.io/cli (macOS: brew install temporal), or install Go (https://go.dev/dl) and start again.\n      ${whyNot.join('\n      ')}`,
      );
    },
  };
}
