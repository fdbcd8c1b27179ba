import { z } from 'zod';

/** An index, `GPU-8932f937-…` or `MIG-…/1/0`. */
const Id = z.union([z.int().min(0), z.string().regex(/^[\w./-]+$/)]);

/** `auto`, a number of GPUs, or their ids: a list, or a text with commas, as a variable has it. */
export const GpuSetting = z.union([
  z.int().min(0).max(64),
  z.string().regex(/^[\w./-]+(\s*,\s*[\w./-]+)*$/),
  z.array(Id),
]);

/** The ids that the setting stands for; undefined: the host must be asked. */
export function namedGpus(setting: z.infer<typeof GpuSetting>): string[] | undefined {
  if (setting === 'auto') return undefined;
  if (Array.isArray(setting)) return gpuList(setting.join());
  const isNumber = typeof setting === 'number' || /^\d+$/.test(setting);
  return isNumber ? Array.from({ length: Number(setting) }, (_, index) => String(index)) : gpuList(setting);
}

/** The ids of a text such as `0,GPU-8932f937`, each once. */
export function gpuList(text: string): string[] {
  return [...new Set(text.split(',').map((id) => id.trim()))].filter(Boolean);
}
