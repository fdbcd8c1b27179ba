// `node counterWorker.ts ADDRESS TASK_QUEUE BUNDLE`: hosts the workflow `counter`, until it is killed.
import { NativeConnection, Worker } from '@temporalio/worker';
import { quiet } from '../../test/support/workers.ts';

quiet();
const [address = '', taskQueue = '', codePath = ''] = process.argv.slice(2);
const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({ connection, taskQueue, workflowBundle: { codePath } });
console.log('worker ready');
await worker.run();
