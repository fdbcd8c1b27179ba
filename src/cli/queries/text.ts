import type { Style } from '../io.ts';
import type { Queries } from './gather.ts';

/**
 * The saved queries for a reader.
 *
 * @param saving whether the links are those that save
 */
export function queryLines({ queries, problem }: Queries, { saving, style }: { saving: boolean; style: Style }) {
  return [
    ...queries.flatMap(({ name, about, filter, url, saveUrl, count }) => [
      `${style('bold', name)}${count === null ? '' : `  ${found(count)}`}`,
      `  ${about}`,
      style('dim', `  ${filter}`),
      `  ${saving ? saveUrl : url}`,
      '',
    ]),
    saving
      ? 'Each link also keeps its query under Saved Views of this browser; opened twice, it is there twice.'
      : 'With --save the links also keep the query under Saved Views of the browser that opens them.',
    ...(problem ? [style('yellow', problem)] : []),
  ];
}

const found = (count: number) => `${count} now`;
