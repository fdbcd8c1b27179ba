import { z } from 'zod';

export const Check = z.object({ name: z.string(), ok: z.boolean(), detail: z.string(), ms: z.number() });
export type Check = z.infer<typeof Check>;

/** A version that answers requests. */
export const Deployment = z.object({
  registeredModel: z.string(),
  version: z.string(),
  previousVersion: z.string().nullable().describe('version that served before'),
  url: z.string().describe('where the API answers'),
  checks: z.array(Check).describe('what the candidate had to pass before traffic moved'),
});
export type Deployment = z.infer<typeof Deployment>;

/** An image of the API that was built, or was there already. */
export const BuiltImage = z.object({
  reference: z.string().describe('repository@sha256:… once it was pushed, the id of the image otherwise'),
  tag: z.string(),
  built: z.boolean().describe('false: nothing that goes into it had changed'),
  pushed: z.boolean(),
  platforms: z.array(z.string()),
  note: z.string().describe('why fewer platforms were built than configured; empty: all were'),
});
export type BuiltImage = z.infer<typeof BuiltImage>;

/** An API process or container beside the one that serves. */
export const Candidate = z.object({ key: z.string(), version: z.string(), url: z.string(), logFile: z.string() });
export type Candidate = z.infer<typeof Candidate>;
