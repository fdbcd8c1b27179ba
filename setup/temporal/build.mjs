import { join } from 'node:path';
import { environmentOf } from '../environment.mjs';
import { isProgram, programs } from '../paths.mjs';
import { commandProblem, SetupProblem } from '../problem.mjs';
import { run } from '../run.mjs';
import { keepTemporal, VERSION } from './find.mjs';
import { withWorkFolder } from './workFolder.mjs';

/** Where Go's own installer puts it, often without changing the PATH. */
const USUAL_GO = '/usr/local/go/bin/go';

/** Builds the program from source with Go, its web interface included. */
export async function buildTemporal(env, report) {
  const go = [...programs('go', env), USUAL_GO].find(isProgram);
  if (!go) throw new SetupProblem('There is no Go to build it with.');
  report('building it from source with Go, which takes up to ten minutes');
  await withWorkFolder(env, async (folder) => {
    const result = await run(go, ['install', `github.com/temporalio/cli/cmd/temporal@v${VERSION}`], {
      cwd: folder,
      env: { ...environmentOf(['network', 'go'], [], env), GOBIN: folder },
    });
    if (result.code !== 0) throw commandProblem('go install', result);
    await keepTemporal(join(folder, 'temporal'), env);
  });
}
