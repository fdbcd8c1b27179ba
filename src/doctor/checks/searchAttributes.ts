import { SEARCH_ATTRIBUTES } from '../../contracts/savedQueries.ts';
import { type Check, need } from '../check.ts';
import { ok, warning } from '../finding.ts';
import { listed } from '../lib/words.ts';

const LIMIT_MS = 5_000;

/** What the command line of Temporal calls the types. */
const TYPES: Record<string, string> = { KEYWORD: 'Keyword', DOUBLE: 'Double' };

/** The namespace knows the attributes by which workflows are found. */
export const searchAttributesCheck: Check = {
  name: 'Search attributes',
  async run({ config, temporal }) {
    const connection = await need(temporal(), 'Temporal does not answer');
    const { namespace, address } = config.temporal;
    const asked = connection.withDeadline(Date.now() + LIMIT_MS, () =>
      connection.operatorService.listSearchAttributes({ namespace }),
    );
    const { customAttributes } = await need(asked, `Temporal does not list those of namespace "${namespace}"`);
    const wanted = Object.values(SEARCH_ATTRIBUTES);
    const missing = wanted.filter(({ name }) => !(name in (customAttributes ?? {})));
    if (missing.length === 0) return [ok(`all ${wanted.length} are registered`)];
    const flags = missing.map(({ name, type }) => `--name ${name} --type ${TYPES[type] ?? type}`).join(' ');
    const server = `--namespace ${namespace} --address ${address}`;
    const names = listed(missing.map(({ name }) => name));
    return [
      warning(
        `${names} are not registered: workflows run, but cannot be found by them in the UI`,
        `start a worker, which registers them, or: temporal operator search-attribute create ${flags} ${server}`,
      ),
    ];
  },
};
