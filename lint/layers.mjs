// Which layer may import which, for dependency-cruiser. ARCHITECTURE.md says why.

const DECISIONS = ['contracts', 'domain'];
const CLIENTS = [...DECISIONS, 'config', 'systems'];
const PROCESS = [...CLIENTS, 'words'];

/** A folder or file of `src`, and what it may import besides itself. What is not named here must not exist. */
const LAYERS = {
  contracts: [],
  domain: ['contracts'],
  words: DECISIONS,
  // Activities by their types only: the bundle for the sandbox would not take their code.
  workflows: [...DECISIONS, 'words', 'activities'],
  config: [...DECISIONS, 'words'],
  systems: [...DECISIONS, 'config'],
  activities: PROCESS,
  gateway: PROCESS,
  webhook: PROCESS,
  codec: PROCESS,
  stack: PROCESS,
  doctor: PROCESS,
  init: PROCESS,
  workers: [...CLIENTS, 'activities', 'bundle', 'workflows'],
  // All that a retrain needs, in one process.
  tryout: [...PROCESS, 'activities', 'doctor', 'gateway', 'workers'],
  // The command is the door to the doctor, to init and to what tries a project.
  cli: [...PROCESS, 'doctor', 'init', 'tryout'],
  docs: [...DECISIONS, 'words', 'config', 'cli', 'workflows'],
  bundle: ['systems'],
  worker: ['config', 'systems', 'workers'],
  client: ['cli'],
};

const pathOf = (layers) => `^src/(${layers.join('|')})[./]`;

const upward = Object.entries(LAYERS).map(([layer, allowed]) => ({
  name: `${layer}-may-import-${allowed.join('-') || 'nothing'}`,
  severity: 'error',
  from: { path: pathOf([layer]) },
  to: { path: '^src/', pathNot: pathOf([layer, ...allowed]) },
}));

export default {
  forbidden: [
    ...upward,
    {
      name: 'every-file-of-src-has-a-layer',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: pathOf(Object.keys(LAYERS)) },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'src-knows-no-test',
      severity: 'error',
      from: { path: '^(src|setup)/' },
      to: { path: '^(test|bench|lint)/' },
    },
    {
      name: 'only-workflow-code-in-the-sandbox',
      severity: 'error',
      from: { path: pathOf(['workflows', 'contracts', 'domain', 'words']) },
      to: { path: '^node_modules/', pathNot: '^node_modules/(@temporalio/(workflow|common)|zod|fastest-levenshtein)/' },
    },
    { name: 'everything-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    // TypeScript 7 has no API for parsers. swc comes with Temporal, which bundles workflows with it.
    parser: 'swc',
    doNotFollow: { path: '^node_modules/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
