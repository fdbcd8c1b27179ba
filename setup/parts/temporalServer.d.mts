interface SetupPart {
  title: string;
  isReady(): Promise<boolean>;
  make(report: (doing: string) => void): Promise<void>;
}

type Way = (env: Readonly<Record<string, string | undefined>>, report: (doing: string) => void) => Promise<void>;

export function temporalServer(options: { always: boolean; ways?: readonly Way[] }): SetupPart;
