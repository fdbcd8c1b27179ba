export function downloadTemporal(
  env: Readonly<Record<string, string | undefined>>,
  report: (doing: string) => void,
  releases?: string,
  sha256?: string,
): Promise<void>;
