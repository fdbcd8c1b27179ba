import { ALIASES } from '../../contracts/names.ts';
import { uncapitalised } from '../../words/numbers.ts';
import type { VersionState } from '../status/registry.ts';
import type { Outlook } from './outlook.ts';

/** What is asked of Production, as far as it is told before it is done. */
export type Wish =
  | { does: 'promote'; version: string | undefined; forced: boolean }
  | { does: 'retrain' }
  | { does: 'rollback'; version: string | undefined }
  | { does: 'redeploy'; version: string | undefined };

/** How Production stands, and what it would become, in sentences. */
export function wishInWords(wish: Wish, outlook: Outlook): string {
  const { registeredModel, versions } = outlook;
  if (versions === null) return `MLflow does not answer, so what is in Production of ${registeredModel} is not known.`;
  const production = versions.find(({ stage }) => stage === 'Production');
  return `${productionInWords(outlook, production)}; ${changeInWords(wish, versions, production)}`;
}

function productionInWords({ registeredModel, api }: Outlook, production: VersionState | undefined): string {
  if (!production) return `Nothing of ${registeredModel} is in Production`;
  const { version } = production;
  const serves = api?.version ?? null;
  if (!api) return `${named(production)} of ${registeredModel} is in Production`;
  if (serves === version) return `${named(production)} of ${registeredModel} is in Production and serves`;
  const instead = serves === null ? 'no API answers with it' : `the API serves version ${serves}`;
  return `${named(production)} of ${registeredModel} is in Production, but ${instead}`;
}

function changeInWords(wish: Wish, versions: readonly VersionState[], production: VersionState | undefined): string {
  const place = production ? 'replace it' : 'be the first';
  if (wish.does === 'retrain') return `the version that is trained would ${place}, if the gate agrees.`;
  const meant = meantBy(wish, versions, production);
  if (meant === null) return `there is no version that it could go back to.`;
  const what = typeof meant === 'string' ? `version ${meant}, which MLflow does not have,` : named(meant);
  const version = uncapitalised(what);
  if (wish.does === 'redeploy') return `the API of ${version} would be started anew, and take the requests.`;
  if (typeof meant === 'object' && meant.version === production?.version) return 'nothing would take its place.';
  if (wish.does === 'rollback') return `${version} would be back in its place.`;
  return `${version} would ${place}, ${wish.forced ? 'whatever the gate says' : 'if the gate agrees'}.`;
}

/** The version that is meant; its number alone when the registry does not have it; null: there is none. */
function meantBy(
  wish: Exclude<Wish, { does: 'retrain' }>,
  versions: readonly VersionState[],
  production: VersionState | undefined,
): VersionState | string | null {
  if (wish.version !== undefined) return versions.find(({ version }) => version === wish.version) ?? wish.version;
  const usual = {
    promote: versions[0],
    rollback: versions.find(({ aliases }) => aliases.includes(ALIASES.previous)),
    redeploy: production,
  };
  return usual[wish.does] ?? null;
}

function named({ version, testAuc }: VersionState): string {
  return `Version ${version}${testAuc === null ? '' : ` (test AUC ${testAuc.toFixed(4)})`}`;
}
