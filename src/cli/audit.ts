import type { AuditFinding, AuditLine } from '../contracts/audit.ts';
import { causeText } from '../contracts/errors.ts';
import { auditFile, type ReadAudit, readAudit } from '../systems/audit.ts';
import { counted } from '../words/numbers.ts';
import type { Cli } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';

interface Wanted {
  limit: number;
  registeredModel?: string;
}

/** Shows the newest events of this host's audit log, the newest last, and whether something is wrong with the log. */
export async function showAudit(cli: Cli, { limit, registeredModel }: Wanted): Promise<void> {
  const file = auditFile(cli.config());
  const { lines, findings } = await read(file);
  const ofModel = lines.filter((line) => registeredModel === undefined || line.registeredModel === registeredModel);
  const shown = limit === 0 ? [] : ofModel.slice(-limit);
  cli.show({ file, total: ofModel.length, events: shown, findings }, () => [
    ...shown.map(lineText),
    ...(lines.length === 0 ? [`Nothing is in ${file} yet.`] : []),
    ...findings.map((finding) => cli.style('red', findingText(finding))),
  ]);
}

/** Checks the chain; ends with the exit code of a problem when something was changed, removed or cut. */
export async function verifyAudit(cli: Cli, known: string | undefined): Promise<void> {
  const file = auditFile(cli.config());
  const { lines, findings, mark } = await read(file, known);
  if (findings.length > 0) cli.exitCode = EXIT.failed;
  cli.show({ file, lines: lines.length, ...mark, findings }, () =>
    findings.length > 0
      ? [...findings.map((finding) => cli.style('red', findingText(finding))), `The file is ${file}.`]
      : [`${counted(lines.length, 'line')}, each as it was written. The last has the SHA-256 ${mark.sha256}.`],
  );
}

function read(file: string, known?: string): Promise<ReadAudit> {
  return readAudit(file, known).catch((error: unknown) => {
    const why = `${file} cannot be read (${causeText(error)}); it belongs to the user of the worker that writes it.`;
    throw new CommandError(EXIT.failed, why);
  });
}

function lineText({
  seq,
  at,
  event,
  registeredModel,
  version,
  replaced,
  by,
  signed,
  reason,
  ...line
}: AuditLine): string {
  const authenticated = (line.decider ?? line.starter)?.principal;
  const who = [
    by ?? 'nobody named',
    signed ? 'signed' : 'claimed',
    ...(authenticated ? [`authenticated as ${authenticated.name}`] : []),
  ].join(', ');
  const what = `${event} ${registeredModel}${version === null ? '' : ` ${version}`}`;
  const before = replaced === null ? '' : `, before it ${replaced}`;
  return `${seq}  ${at}  ${what}${before}  (${who})  ${line.workflowId}${reason ? `  ${reason}` : ''}`;
}

function findingText(finding: AuditFinding): string {
  switch (finding.code) {
    case 'changed':
      return `Line ${finding.line} was changed: it is not what the next line, or the head, was written after.`;
    case 'unreadable':
      return `Line ${finding.line} was changed: it is no event.`;
    case 'inserted':
      return `Line ${finding.line} was put in or moved: its number was used before.`;
    case 'removed':
      return `Before line ${finding.line}, the events ${finding.from} to ${finding.to} were removed.`;
    case 'cut':
      return `The end was cut off: the events ${finding.from} to ${finding.to} are missing.`;
    case 'torn':
      return `Line ${finding.line} is not whole: a write broke off, or its end was cut.`;
    case 'headMissing':
      return 'The file with the head of the log is missing: whether the end was cut cannot be told.';
    case 'unknownMark':
      return `No line has the SHA-256 ${finding.sha256}: the log was changed up to there.`;
  }
}
