import type { Facts } from '../sources.ts';

/** An HTTP API of the project. */
export interface Api {
  framework: 'FastAPI' | 'Flask' | 'Django';
  /** Source that shows it. */
  path: string;
  routes: string[];
  /** Variables that its sources read, with their defaults. */
  env: Record<string, string | null>;
}

const FRAMEWORKS = { FastAPI: /^fastapi\b/, Flask: /^flask\b/, Django: /^(django|rest_framework)\b/ } as const;

/** Finds the API by what its sources import, with all routes and variables of that framework's sources. */
export function detectApi(facts: ReadonlyMap<string, Facts>): Api | null {
  for (const framework of Object.keys(FRAMEWORKS) as Array<keyof typeof FRAMEWORKS>) {
    const own = [...facts].filter(
      ([path, { imports }]) =>
        !/(^|\/)tests?\//.test(path) && imports.some((module) => FRAMEWORKS[framework].test(module)),
    );
    const [first] = own;
    if (!first) continue;
    // What the API imports from its own package reads variables too: the loader of the model, say.
    const folders = new Set(own.map(([path]) => path.split('/').slice(0, -1).join('/')));
    const near = [...facts].filter(
      ([path]) => folders.has(path.split('/').slice(0, -1).join('/')) && path.includes('/'),
    );
    const routes = [...new Set(own.flatMap(([, { routes }]) => routes))];
    const [path] = own.find(([, { routes }]) => routes.length > 0) ?? first;
    return {
      framework,
      path,
      routes,
      env: Object.assign({}, ...[...near, ...own].map(([, { environment }]) => environment)),
    };
  }
  return null;
}
