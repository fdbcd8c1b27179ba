import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import type { ProjectView } from '../view.ts';
import type { Usage } from './scripts.ts';
import { invocations } from './shell.ts';

/** A workflow of GitHub Actions. */
export interface CiWorkflow {
  path: string;
  name: string;
  /** When it runs by itself, as five cron fields in UTC. */
  crons: string[];
  /** Scripts of the project that it runs. */
  usages: Usage[];
  /** Images that it builds or pushes, without their tags. */
  images: string[];
}

const CiStep = z.looseObject({
  name: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  'working-directory': z.string().optional(),
});
const File = z.looseObject({
  name: z.string().optional(),
  on: z.looseObject({ schedule: z.array(z.looseObject({ cron: z.string() })).optional() }).catch({}),
  jobs: z.record(z.string(), z.looseObject({ steps: z.array(CiStep).default([]) })).default({}),
});

/** Reads `.github/workflows`. */
export function detectCi(view: ProjectView): CiWorkflow[] {
  return view.files
    .filter((path) => /^\.github\/workflows\/[^/]+\.ya?ml$/.test(path))
    .flatMap((path) => {
      const file = File.safeParse(yaml(view.text(path)));
      return file.success ? [workflow(path, file.data)] : [];
    });
}

function workflow(path: string, { name, on, jobs }: z.infer<typeof File>): CiWorkflow {
  const steps = Object.values(jobs).flatMap((job) => job.steps);
  const usages = steps.flatMap(({ run = '', 'working-directory': folder }) =>
    invocations(folder ? run.replace(/^/gm, `cd ${folder} && `) : run).map((each) => ({ ...each, where: path })),
  );
  const texts = steps.flatMap((step) => [step.run ?? '', ...Object.values(step.with ?? {}).map(String)]);
  return {
    path,
    name: name ?? path,
    crons: (on.schedule ?? []).map(({ cron }) => cron),
    usages,
    images: images(texts),
  };
}

/** Names such as ghcr.io/owner/name: a registry, and at least one part after it. */
const IMAGE = /\b((?:[\w-]+\.)+[\w-]+(?::\d+)?(?:\/[\w.-]+)+)(?::[\w.-]+)?/g;
const REGISTRIES =
  /^(ghcr\.io|docker\.io|quay\.io|gcr\.io|[\w-]+\.gcr\.io|[\w.-]+\.(amazonaws\.com|azurecr\.io|pkg\.dev))\//;

function images(texts: readonly string[]): string[] {
  const found = texts.flatMap((text) => [...text.matchAll(IMAGE)].map(([, name = '']) => name));
  return [...new Set(found.filter((name) => REGISTRIES.test(name)))];
}

function yaml(text: string | undefined): unknown {
  try {
    return parseYaml(text ?? '');
  } catch {
    return undefined;
  }
}
