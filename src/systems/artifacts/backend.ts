import type { Readable } from 'node:stream';

export interface TransferOptions {
  /** Gives the transfer up; it then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What lies right below a folder of a store. */
interface Listed {
  /** Without the path of the folder. */
  name: string;
  isDirectory: boolean;
}

/** A place that keeps files by their path below the store's root. */
export interface Backend {
  /** The address of a file that was asked for before, for references and messages. */
  uriOf(path: string): string;
  /** Size of a file (bytes); undefined when there is none. */
  sizeOf(path: string, options: TransferOptions): Promise<number | undefined>;
  /** Stores a file, in place of one of the same path. `body` is called again for every attempt. */
  put(path: string, body: () => Readable, sizeBytes: number, options: TransferOptions): Promise<void>;
  /**
   * Hands a file's content to `read`, which starts over for every attempt.
   *
   * @throws {ArtifactMissing} when there is no such file
   */
  get<Value>(path: string, read: (body: Readable) => Promise<Value>, options: TransferOptions): Promise<Value>;
  /** What lies right below a folder, in no order; nothing when there is no such folder. */
  list(path: string, options: TransferOptions): Promise<Listed[]>;
  /** Removes a folder with all below it; nothing happens when there is none. */
  removeFolder(path: string, options: TransferOptions): Promise<void>;
  /** Lets go of connections. */
  close(): Promise<void>;
}
