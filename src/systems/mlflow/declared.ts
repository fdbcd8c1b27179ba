import { text } from 'node:stream/consumers';
import { parse } from 'yaml';
import { z } from 'zod';
import { proxyDownload, proxyList } from './proxy.ts';
import type { ModelVersion } from './shapes.ts';
import type { CallOptions, Transport } from './transport.ts';
import { folderOf } from './versionFiles.ts';

/** What the files of a version say of the model, whoever trained it. */
interface DeclaredModel {
  /** Its flavor, such as `sklearn` or `pytorch`; null: none but that of any Python model. */
  kind: string | null;
  /** Versions of Python and of the packages that it needs, as far as they are pinned. */
  versions: Record<string, string>;
}

const Flavors = z.object({
  flavors: z.record(z.string(), z.looseObject({ python_version: z.string().optional() })),
});
const Conda = z.object({ dependencies: z.array(z.union([z.string(), z.object({ pip: z.array(z.string()) })])) });
const PINNED = /^\s*([A-Za-z0-9][\w.-]*?)(?:\[[^\]]*\])?\s*={1,3}\s*([\w.!+-]+)/;

/** The call that reads what a version declares. */
export function declaredModelCall(transport: Transport) {
  /** What a version says of itself; null when it has no description that can be read. */
  return async function declaredModel(
    version: Pick<ModelVersion, 'name' | 'version'>,
    options: CallOptions = {},
  ): Promise<DeclaredModel | null> {
    const folder = await folderOf(transport, version, options);
    const files = folder === undefined ? [] : await proxyList(transport, folder, options);
    const textOf = async (name: string) =>
      files.some((file) => file.name === name)
        ? await proxyDownload(transport, `${folder}/${name}`, text, options)
        : '';
    const described = Flavors.safeParse(yamlIn(await textOf('MLmodel')));
    if (!described.success) return null;
    const { flavors } = described.data;
    const listed = await textOf('requirements.txt');
    const requirements = listed ? listed.split('\n') : requirementsOf(yamlIn(await textOf('conda.yaml')));
    const pinned = requirements.flatMap((line) => {
      const [, name, of] = PINNED.exec(line) ?? [];
      return name && of ? [[name, of] as const] : [];
    });
    const python = Object.values(flavors).find(({ python_version }) => python_version)?.python_version;
    return {
      kind: Object.keys(flavors).find((flavor) => flavor !== 'python_function') ?? null,
      versions: { ...(python && { Python: python }), ...Object.fromEntries(pinned) },
    };
  };
}

function yamlIn(content: string): unknown {
  try {
    return parse(content);
  } catch {
    return undefined;
  }
}

function requirementsOf(conda: unknown): string[] {
  const read = Conda.safeParse(conda);
  if (!read.success) return [];
  return read.data.dependencies.flatMap((one) => (typeof one === 'string' ? [one] : one.pip));
}
