import { z } from 'zod';
import { parseJson } from '../../contracts/text.ts';
import type { Facts, Option } from '../sources.ts';
import type { ProjectView } from '../view.ts';
import { classify } from './roles.ts';
import type { Script } from './scripts.ts';

const Cell = z.looseObject({
  cell_type: z.string(),
  source: z.union([z.string(), z.array(z.string()).transform((lines) => lines.join(''))]),
  metadata: z.looseObject({ tags: z.array(z.string()).optional() }).optional(),
});
const Notebook = z.looseObject({ cells: z.array(Cell) });

/** The code of each notebook, without the lines that only Jupyter understands. */
export function notebookSources(view: ProjectView): Map<string, string> {
  return new Map(
    cellsByPath(view).map(([path, cells]) => [
      path,
      cells.map(({ source }) => source.replace(/^[ \t]*[%!].*$/gm, '')).join('\n'),
    ]),
  );
}

/** Notebooks as steps that papermill runs, with the variables of the cell tagged `parameters` as their options. */
export function detectNotebooks(view: ProjectView, facts: ReadonlyMap<string, Facts>): Script[] {
  return cellsByPath(view).flatMap(([path, cells]) => {
    const own = facts.get(path);
    if (!own) return [];
    const parameters = cells.find(({ metadata }) => metadata?.tags?.includes('parameters'));
    const classified = classify(path, own);
    const tagged = parameters ? ['has a cell tagged parameters'] : [];
    return [
      {
        kind: 'notebook' as const,
        path,
        command: ['papermill', path, `{output}/${path.split('/').at(-1)}`, '-k', 'python3'],
        cwd: '',
        facts: own,
        options: parameters ? parametersOf(parameters.source) : [],
        usages: [],
        ...classified,
        reasons: [...classified.reasons, ...tagged],
      },
    ];
  });
}

function cellsByPath(view: ProjectView): Array<[string, z.infer<typeof Cell>[]]> {
  return view.files
    .filter((path) => path.endsWith('.ipynb'))
    .flatMap((path) => {
      const notebook = Notebook.safeParse(parseJson(view.text(path)));
      const cells = notebook.data?.cells.filter(({ cell_type }) => cell_type === 'code') ?? [];
      return cells.length > 0 ? [[path, cells] as [string, typeof cells]] : [];
    });
}

/** `lr: float = 0.1  # comment` */
const ASSIGNMENT =
  /^(\w+)\s*(?::\s*[\w.[\]]+)?\s*=\s*(?:(-?[\d.]+(?:e[+-]?\d+)?)|["']([^"']*)["']|(True|False))\s*(?:#\s*(.*))?$/gim;

function parametersOf(source: string): Option[] {
  return [...source.matchAll(ASSIGNMENT)].map(([, name = '', number, text, truth, comment = '']) => ({
    flag: name,
    dest: name,
    type: number === undefined ? (truth ? 'bool' : 'str') : /[.e]/i.test(number) ? 'float' : 'int',
    default: number !== undefined ? Number(number) : (text ?? truth === 'True'),
    choices: [],
    required: false,
    isFlag: false,
    help: comment,
  }));
}
