/** Where the store keeps the bytes of a digest; folders by its first two characters keep listings short. */
export function objectPath(sha256: string): string {
  return `mediwatch/sha256/${sha256.slice(0, 2)}/${sha256}`;
}

/** Where the store keeps the value of a key, by the digest of the key. */
export function keyPath(sha256: string): string {
  return `mediwatch/keys/${sha256.slice(0, 2)}/${sha256}.json`;
}
