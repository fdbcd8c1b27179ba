import type { Config } from '../../config.ts';
import { ALIASES } from '../../contracts/names.ts';
import { oneLine } from '../../contracts/text.ts';
import { duration, grouped, NONE, percent, scoreCell, signedCell, utcMinute } from '../../words/numbers.ts';
import type { Cli, Style } from '../cli.ts';
import { clip, linkLines, tableLines } from '../views/text.ts';
import { type Compared, gatherComparison, type MetricRow, type Side } from './compare.ts';

interface Canvas {
  /** Width of the terminal (characters); infinite for a file or a pipe. */
  width: number;
  style: Style;
}

type Row = readonly [label: string, a: string, b: string];

/** Enough of a digest to know two apart (characters). */
const DIGEST = 12;

/** Compares two versions; `references` as `gatherComparison` takes them. */
export async function showComparison(cli: Cli, config: Config, references: readonly string[]): Promise<void> {
  const compared = await gatherComparison(config, references);
  cli.show(compared, () => comparisonLines(compared, cli));
}

/** Two versions side by side, for a reader. */
export function comparisonLines(compared: Compared, canvas: Canvas): string[] {
  const { registeredModel, a, b, params, links } = compared;
  const { style } = canvas;
  const { different, same } = params;
  return [
    style('bold', `${registeredModel}: version ${a.version} against version ${b.version}`),
    '',
    ...sideBySide(factsOf(a, b), names(a, b), canvas),
    '',
    style('bold', 'Scores'),
    ...(compared.metrics.length > 0 ? scoreLines(compared, canvas) : ['  MLflow has no metrics of theirs.']),
    ...basisLines(compared, style),
    '',
    style('bold', `Parameters: ${different.length} differ, ${same} ${same === 1 ? 'is' : 'are'} the same`),
    ...sideBySide(
      different.map(({ name, a, b }) => [name, a ?? NONE, b ?? NONE]),
      names(a, b),
      canvas,
    ),
    '',
    ...linkLines(
      [
        { name: `Report ${a.version}`, url: a.links.report },
        { name: `Report ${b.version}`, url: b.links.report },
        { name: 'MLflow', url: links.compare },
      ].flatMap(({ name, url }) => (url === null ? [] : [{ name, url }])),
    ),
  ];
}

const names = (a: Side, b: Side) => [`version ${a.version}`, `version ${b.version}`] as const;

function factsOf(a: Side, b: Side): Row[] {
  const row = (label: string, of: (side: Side) => string | null): Row => [label, of(a) ?? NONE, of(b) ?? NONE];
  return [
    row('Is in', ({ stage, aliases }) =>
      [stage === 'None' ? 'no stage' : stage, ...aliases.map((name) => `@${name}`)].join(' '),
    ),
    row('Trained', ({ createdAt }) => utcMinute(createdAt)),
    row('By', ({ trainedBy }) => trainedBy),
    row('Trigger', ({ trigger }) => trigger && oneLine(trigger)),
    row('Model', ({ model }) => model),
    row('Data set', ({ dataset }) => dataset && clipped(dataset)),
    row('Source', ({ source }) => source && clipped(source)),
    row('Rows', ({ trainRows }) => (trainRows === null ? null : `${grouped(trainRows)} to train`)),
    row('Seed', ({ seed }) => seed),
    row('Code', ({ revision }) => revision && clipped(revision)),
    row('Took', ({ seconds }) => (seconds === null ? null : duration(seconds * 1000))),
  ];
}

const clipped = (digest: string) => digest.slice(0, DIGEST);

/** Rows with a value for each version; what is the same is said once, and what does not fit goes below. */
function sideBySide(
  rows: readonly Row[],
  [nameOfA, nameOfB]: readonly [string, string],
  { width, style }: Canvas,
): string[] {
  const shown = rows.filter(([, a, b]) => a !== NONE || b !== NONE);
  if (shown.length === 0) return [];
  const longest = (at: 0 | 1 | 2, title = '') => Math.max(title.length, ...shown.map((row) => row[at].length));
  const fits = 2 + longest(0) + 2 + longest(1, nameOfA) + 2 + longest(2, nameOfB) <= width;
  if (!fits) {
    return shown.flatMap(([label, a, b]) => [
      `  ${label}`,
      ...[`${nameOfA}  ${a}`, `${nameOfB}  ${b}`].map((line) => clip(`    ${line}`, width)),
    ]);
  }
  return tableLines(
    [
      { title: '', cells: shown.map(([label]) => `  ${label}`) },
      { title: nameOfA, cells: shown.map(([, a]) => a) },
      { title: nameOfB, cells: shown.map(([, , b]) => b), look: (text, row) => dimmed(shown[row] as Row, text, style) },
    ],
    { width, style },
  );
}

const dimmed = ([, a, b]: Row, text: string, style: Style) => (a === b ? style('dim', text) : text);

/** Narrower terminals do without the bounds. */
const WIDE_ENOUGH = 90;

function scoreLines({ metrics, a, b, sameSplit }: Compared, { width, style }: Canvas): string[] {
  const better = (row: MetricRow) => betterText(row, a, b, sameSplit);
  const hasBounds = width >= WIDE_ENOUGH && metrics.some(({ bounds }) => bounds !== null);
  const column = (title: string, of: (row: MetricRow) => string) => {
    return { title, cells: metrics.map(of), align: 'right' as const };
  };
  const [nameOfA, nameOfB] = names(a, b);
  return tableLines(
    [
      { title: '', cells: metrics.map(({ metric }) => `  ${metric}`) },
      column(nameOfA, (row) => scoreCell(row.a)),
      column(nameOfB, (row) => scoreCell(row.b)),
      column('difference', ({ difference }) => signedCell(difference)),
      ...(hasBounds ? [column('bounds', ({ bounds }) => boundsText(bounds))] : []),
      { title: 'better', cells: metrics.map(better), look: (text: string) => style('green', text) },
    ],
    { width, style },
  );
}

function betterText({ better }: MetricRow, a: Side, b: Side, sameSplit: boolean | null): string {
  if (sameSplit === false || better === null) return '';
  return better === 'same' ? 'the same' : `version ${(better === 'a' ? a : b).version}`;
}

function basisLines({ basis, sameSplit, canScore, a, b, metrics }: Compared, style: Style): string[] {
  if (metrics.length === 0) return [];
  if (basis === 'evaluation') {
    const bounded = metrics.some(({ bounds }) => bounds !== null);
    const how = bounded ? ' Bounds are one-sided, by a paired bootstrap over its rows.' : '';
    return [style('dim', `  A promotion scored both on the same test split.${how}`)];
  }
  if (sameSplit) return [style('dim', '  Their trainings scored them on the same test split.')];
  const isChampion = b.stage === 'Production' || b.aliases.includes(ALIASES.champion);
  const dryRun = isChampion ? ` "mediwatch promote ${a.version} --dry-run" scores both on one.` : '';
  const rehearsal = canScore ? dryRun : ' steps.evaluate with a command that takes {version} would score both on one.';
  return sameSplit === null
    ? [style('yellow', `  It is not known whether both were scored on the same test split.${rehearsal}`)]
    : [
        style('yellow', '  Not comparable: they were scored on different test splits.'),
        ...(rehearsal ? [style('yellow', ` ${rehearsal}`)] : []),
      ];
}

function boundsText(bounds: MetricRow['bounds']): string {
  if (!bounds) return '';
  return `${signedCell(bounds.low)} … ${signedCell(bounds.high)} (${percent(bounds.confidence)})`;
}
