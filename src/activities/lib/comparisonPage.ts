import type { Comparison } from '../../contracts/registry.ts';
import type { Judgement } from '../../domain/promotionGate.ts';
import { scoreCell, signedCell } from '../../words/numbers.ts';
import { needsText, verdictText } from '../../words/verdicts.ts';

interface Page {
  registeredModel: string;
  version: string;
  champion: string | null;
  comparison: Comparison;
  judgement: Judgement;
}

/** The comparison of a challenger with the champion as one self-contained HTML page. */
export function comparisonPage({ registeredModel, version, champion, comparison, judgement }: Page): string {
  const title = `${escapeHtml(registeredModel)} version ${version} against ${champion ? `version ${champion}` : 'none'}`;
  const rows = Object.keys(comparison.challenger).map((metric) => row(metric, comparison));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .4rem .5rem; border-bottom: 1px solid #d0d7de; }
th:first-child, td:first-child { text-align: left; }
.verdict { padding: .75rem 1rem; border-left: .3rem solid ${judgement.promote ? '#1a7f37' : '#9a6700'}; background: #f6f8fa; }
.wide { overflow-x: auto; }
</style>
</head>
<body>
<h1>${title}</h1>
<p class="verdict"><strong>${judgement.promote ? 'Promote.' : 'Do not promote.'}</strong> ${escapeHtml(verdictText(judgement.verdict, judgement.forced))}</p>
<p>${basisText(comparison)}</p>
<div class="wide"><table>
<thead><tr><th scope="col">Metric</th><th scope="col">Challenger</th><th scope="col">Champion</th><th scope="col">Difference</th><th scope="col">Bounds</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table></div>
${comparison.championProblem ? `<p>The champion could not be scored: ${escapeHtml(comparison.championProblem)}</p>` : ''}
${Object.entries(comparison.needs ?? {})
  .filter(([, needs]) => needs.length > 0)
  .map(([version, needs]) => `<p>${escapeHtml(needsText(version, needs))}</p>`)
  .join('\n')}
${comparison.firstRecorded ? `<p>The files of ${escapeHtml(versionsText(comparison.firstRecorded))} had no digest; from this evaluation on they have one.</p>` : ''}
</body>
</html>
`;
}

function basisText({ champion, recorded, sameData }: Comparison): string {
  if (champion === null) return 'There is no other version to compare its scores with.';
  if (!recorded)
    return 'Both were scored on the same test split. Bounds are one-sided, by a paired bootstrap over its rows.';
  if (sameData === false)
    return 'Their trainings recorded these scores, on different data sets: they are not comparable.';
  return `Their trainings recorded these scores, ${sameData ? 'on the same data' : 'whether on the same rows is not known'}.`;
}

function row(metric: string, { challenger, champion, differences, sameData }: Comparison): string {
  const [ours, theirs] = [challenger[metric], champion?.[metric]];
  const difference = sameData !== false && known(ours) && known(theirs) ? ours - theirs : undefined;
  const interval = differences[metric];
  const bounds = interval
    ? `${signedCell(interval.low)} … ${signedCell(interval.high)} (${Math.round(interval.confidence * 100)} %)`
    : '';
  const cells = [scoreCell(ours), scoreCell(theirs), signedCell(difference), bounds];
  return `<tr><th scope="row">${escapeHtml(metric)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

const versionsText = (versions: string[]) => `version ${versions.join(' and version ')}`;
const known = (value: number | null | undefined): value is number => Number.isFinite(value);
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
