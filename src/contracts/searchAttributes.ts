import { defineSearchAttributeKey } from '@temporalio/common';

/** Search attributes by which the Temporal UI finds and lists our workflows. The worker registers them. */
export const SEARCH_ATTRIBUTES = {
  model: defineSearchAttributeKey('MediwatchModel', 'KEYWORD'),
  version: defineSearchAttributeKey('MediwatchVersion', 'KEYWORD'),
  trigger: defineSearchAttributeKey('MediwatchTrigger', 'KEYWORD'),
  stage: defineSearchAttributeKey('MediwatchStage', 'KEYWORD'),
  /** `approval` while a person is asked, `lock` while another workflow changes Production */
  waiting: defineSearchAttributeKey('MediwatchWaiting', 'KEYWORD'),
  driftShare: defineSearchAttributeKey('MediwatchDriftShare', 'DOUBLE'),
  testAuc: defineSearchAttributeKey('MediwatchTestAuc', 'DOUBLE'),
};
