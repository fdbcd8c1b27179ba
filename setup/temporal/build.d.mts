export function buildTemporal(
  env: Readonly<Record<string, string | undefined>>,
  report: (doing: string) => void,
): Promise<void>;
