import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { Progress, SearchProgress } from './progress.ts';

/** To any workflow: where do you stand? */
export const progressQuery = defineQuery<Progress>('progress');

/** From a search to the retrain that started it. */
export const searchProgressed = defineSignal<[SearchProgress]>('searchProgressed');
