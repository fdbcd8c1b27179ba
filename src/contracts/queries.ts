import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { Progress, SearchProgress, StageProgress } from './progress.ts';

/** To any workflow: where do you stand? */
export const progressQuery = defineQuery<Progress>('progress');

/** From a promotion to the retrain that started it: where one of its stages stands. */
export const stageProgressed = defineSignal<[StageProgress]>('stageProgressed');

/** From a search to the retrain that started it. */
export const searchProgressed = defineSignal<[SearchProgress]>('searchProgressed');
