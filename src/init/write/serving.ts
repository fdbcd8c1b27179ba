import type { Proposal } from '../propose/plan.ts';
import { apiCommand, apiImage, hasHealth, missingVariables, possibleChecks } from '../propose/serving.ts';
import { type Entry, section, setting } from './entries.ts';

/** Where the API runs, and its image where there is one. */
export function deploymentSections(proposal: Proposal): Array<Entry | null> {
  const { findings, answers } = proposal;
  const [venv] = findings.environment.venvs;
  const start = apiCommand(findings, venv ? 'python' : 'python3');
  const checks = possibleChecks(findings);
  const process = answers.deployment === 'process';
  return [
    section(
      'deployment',
      [
        setting('target', answers.deployment, targetComment(findings, answers.deployment)),
        start
          ? setting('command', start.command, `The API, ${start.why}${process ? '.' : '; for the target process.'}`, {
              off: !process,
            })
          : null,
        start && venv ? setting('venv', venv, '', { off: !process }) : null,
        checks
          ? setting(
              'checks',
              checks,
              `What a candidate must prove besides answering /health: ${findings.api?.path} has no route for the rest.`,
              { off: answers.deployment === 'none' },
            )
          : null,
        hasHealth(findings)
          ? null
          : setting(
              'healthTimeout',
              90,
              `No route /health was found in ${findings.api?.path}. A candidate must answer GET /health with {"status": "ok", "version": …}.`,
              { off: true },
            ),
      ],
      'Where the API runs.',
    ),
    dockerSection(proposal),
  ];
}

function dockerSection({ findings, answers }: Proposal): Entry | null {
  const image = apiImage(findings);
  if (!image) return answers.deployment === 'docker' ? unknownImage() : null;
  return section(
    'docker',
    [
      setting(
        'option',
        image.runtime ? 'registry' : 'baked',
        image.runtime ? 'The image loads the model from MLflow.' : 'The image holds the model.',
      ),
      image.image
        ? setting('image', image.image.name, `Found in ${image.image.where}.`)
        : setting(
            'image',
            `${findings.name.toLowerCase().replace(/[^a-z0-9._-]+/g, '-')}-api`,
            'A name was not found; with a registry in front it can be pushed.',
          ),
      setting('context', image.context),
      image.runtime ? setting('dockerfile', image.runtime.path) : null,
      image.baked ? setting('bakedDockerfile', image.baked.path, 'With a model in it, for the option baked.') : null,
      image.baked ? modelPath(image.baked.modelFrom, image.baked.args) : null,
      setting('push', false, 'Set it to true when the image may be pushed to its registry.'),
      section(
        'env',
        missingVariables(findings).map((name) => setting(name, 'FILL_IN')),
        `${findings.api?.path ?? 'The API'} reads these, and nothing sets them.`,
        { off: true },
      ),
    ],
    'The image of the API.',
    { off: answers.deployment !== 'docker' },
  );
}

/** Containers are wanted, and nothing says of what. */
function unknownImage(): Entry | null {
  const missing = 'No Dockerfile of an API was found in the project.';
  return section(
    'docker',
    [setting('image', 'FILL_IN', missing), setting('dockerfile', 'FILL_IN'), setting('push', false)],
    'The image of the API.',
  );
}

function modelPath(from: string | null, args: Readonly<Record<string, string>>): Entry {
  const path = from === null ? '' : (args[from] ?? from);
  return path && !path.includes('$')
    ? setting('modelPath', path, 'Where the Dockerfile takes the model from.')
    : setting('modelPath', 'artifacts/model_pipeline.joblib', 'Where the Dockerfile takes the model from.', {
        off: true,
      });
}

function targetComment({ api, dockerfiles }: Proposal['findings'], target: string): string {
  const image = dockerfiles.find(({ serves }) => serves)?.path;
  const found = [api ? `${api.framework} in ${api.path}` : '', image ?? ''].filter(Boolean).join(' and ');
  const what =
    {
      docker: 'In containers.',
      process: 'As a process on this host.',
      none: 'Nowhere: a retrain ends with the promotion.',
    }[target] ?? '';
  return found ? `${what} Found: ${found}.` : target === 'none' ? `${what} No API was found.` : what;
}
