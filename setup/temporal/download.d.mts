export function downloadTemporal(
  env: Readonly<Record<string, string | undefined>>,
  report: (doing: string) => void,
  service?: string,
): Promise<void>;
