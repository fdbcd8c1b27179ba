import Dockerode from 'dockerode';
import { inWords } from '../../doctor/lib/words.ts';
import { statusOf } from '../../systems/docker/errors.ts';
import { type Remark, remark, type Spot } from './remark.ts';

/** A daemon that hangs is not waited for (ms). */
const LIMIT_MS = 5_000;

/** Whether the image of a step is here. One that is not is pulled when the step runs, by whoever runs it. */
export async function examineImage(image: string, spot: Spot): Promise<Remark[]> {
  const warning = (message: string) => [remark('warning', spot, ['image'], message)];
  try {
    await new Dockerode({ timeout: LIMIT_MS }).getImage(image).inspect();
    return [];
  } catch (error) {
    if (statusOf(error) === 404) return warning(`${image} is not on this machine: the first run pulls it, if it can`);
    return warning(`it cannot be told whether ${image} is here: Docker does not answer (${inWords(error)})`);
  }
}
