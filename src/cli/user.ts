import { userInfo } from 'node:os';

/** The user of this machine; in a container one may have no name. */
export function user(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}
