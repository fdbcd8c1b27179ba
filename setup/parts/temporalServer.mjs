import { explain, SetupProblem } from '../problem.mjs';
import { buildTemporal } from '../temporal/build.mjs';
import { downloadTemporal } from '../temporal/download.mjs';
import { findTemporal } from '../temporal/find.mjs';

/**
 * The Temporal dev server: one program that no package registry of Node or Python carries.
 *
 * @param ways how to get it, the first one first
 */
export function temporalServer({ test, ways = [downloadTemporal, buildTemporal] }) {
  return {
    title: 'Temporal dev server',
    async isReady() {
      const { TEMPORAL_ADDRESS, MEDIWATCH_TEMPORAL_ADDRESS } = process.env;
      // Someone else's server is used, so none of our own is started; the tests always start theirs.
      if (!test && (MEDIWATCH_TEMPORAL_ADDRESS || TEMPORAL_ADDRESS)) return true;
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
