// `npm run map`: how much code lies where, and what a reader would stumble over.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { cruise } from 'dependency-cruiser';
import { parseSync } from 'oxc-parser';

const BIGGEST = 15;
const COUNTED = /\.(ts|mts|mjs|py|html|css|bash|fish|zsh)$/;

interface File {
  path: string;
  text: string;
  lines: number;
}

/** An export, and the files that import it by its name. */
interface Exported {
  path: string;
  name: string;
  importers: Set<string>;
}

const files: File[] = execFileSync('git', ['ls-files', 'src', 'python', 'test', 'setup', 'bench'], { encoding: 'utf8' })
  .split('\n')
  .filter((path) => COUNTED.test(path) && !path.includes('/fixtures/'))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }))
  .map((file) => ({ ...file, lines: file.text.split('\n').length - 1 }));

for (const root of ['src', 'python', 'test', 'setup', 'bench']) {
  const inside = files.filter(({ path }) => path.startsWith(`${root}/`));
  print(root, inside);
  for (const [folder, members] of byFolder(inside)) print(`  ${folder}`, members);
}

title(`The ${BIGGEST} biggest files of src`);
const source = files.filter(({ path }) => path.startsWith('src/'));
for (const file of source.toSorted((one, other) => other.lines - one.lines).slice(0, BIGGEST)) print(file.path, [file]);

const exports = exportsOf(files.filter(({ path }) => path.endsWith('.ts')));
const inSource = exports.filter(({ path }) => path.startsWith('src/'));
const by = (count: number) => inSource.filter(({ importers }) => importers.size === count).length;
title(`Exports of src: ${inSource.length}`);
console.log(`  imported by one other file: ${by(1)}`);
console.log(`  imported by none (knip, in lint, knows which of them nobody needs): ${by(0)}`);

const doubleCasts = source.flatMap(({ path, text }) =>
  text.split('\n').flatMap((line, index) => (line.includes('as unknown as') ? [`  ${path}:${index + 1}`] : [])),
);
title(`Casts by way of unknown in src: ${doubleCasts.length}`);
for (const place of doubleCasts) console.log(place);

const circles = await circlesOf('src');
title(`Circles of imports: ${circles.length}`);
for (const circle of circles) console.log(`  ${circle}`);

function byFolder(inside: readonly File[]): [string, File[]][] {
  // The Python package has its parts one level deeper.
  const depth = inside[0]?.path.startsWith('python/') ? 3 : 2;
  const groups = Map.groupBy(
    inside,
    ({ path }) =>
      path
        .split('/')
        .slice(1, -1)
        .slice(0, depth - 1)
        .join('/') || '(files)',
  );
  return [...groups].toSorted(([one], [other]) => one.localeCompare(other));
}

function print(name: string, members: readonly File[]): void {
  const lines = members.reduce((sum, file) => sum + file.lines, 0);
  const count = members.length === 1 ? '' : `${members.length} files`.padStart(10);
  console.log(`${name.padEnd(52)} ${lines.toLocaleString('en').padStart(7)} lines ${count}`);
}

function title(text: string): void {
  console.log(`\n${text}`);
}

/** Looks at names only: `import * as all` and `export * from` count for every name of the file. */
function exportsOf(modules: readonly File[]): Exported[] {
  const parsed = modules.map(({ path, text }) => ({ path, ...parseSync(path, text).module }));
  const exported = new Map<string, Exported>();
  for (const { path, staticExports } of parsed) {
    for (const { exportName } of staticExports.flatMap(({ entries }) => entries)) {
      const name = exportName.name ?? exportName.kind;
      exported.set(`${path} ${name}`, { path, name, importers: new Set() });
    }
  }
  for (const { path, staticImports, staticExports, dynamicImports } of parsed) {
    const text = files.find((file) => file.path === path)?.text ?? '';
    const note = (specifier: string, name: string | undefined) => {
      const target = normalize(join(path, '..', specifier));
      const found = [...exported.values()].filter((one) => one.path === target && (!name || one.name === name));
      for (const { importers } of found) importers.add(path);
    };
    for (const { moduleRequest, entries } of staticImports) {
      for (const { importName } of entries) note(moduleRequest.value, importName.name ?? undefined);
    }
    for (const { moduleRequest, importName } of staticExports.flatMap(({ entries }) => entries)) {
      if (moduleRequest) note(moduleRequest.value, importName.name ?? undefined);
    }
    for (const { moduleRequest } of dynamicImports) {
      note(text.slice(moduleRequest.start + 1, moduleRequest.end - 1), undefined);
    }
  }
  return [...exported.values()];
}

async function circlesOf(folder: string): Promise<string[]> {
  const { output } = await cruise([folder], { parser: 'swc', doNotFollow: { path: '^node_modules/' } });
  if (typeof output === 'string') throw new Error(output);
  const cycles = output.modules.flatMap(({ dependencies }) =>
    dependencies.flatMap(({ cycle }) => (cycle ? [cycle] : [])),
  );
  // One circle is found from each of its files.
  const texts = cycles.map((cycle) => cycle.map(({ name }) => name));
  return [...new Set(texts.map((names) => [...names].sort().join(' ↔ ')))];
}
