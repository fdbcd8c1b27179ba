// `npm run --silent sbom > sbom.json`: what the lock files pin, as CycloneDX (https://cyclonedx.org/docs/1.6/json).
import { Buffer } from 'node:buffer';
import { pinnedPackages } from './packages.ts';

const components = pinnedPackages().map(({ ecosystem, name, version, integrity }) => {
  const purl = `pkg:${ecosystem.toLowerCase()}/${name.replace(/^@/, '%40')}@${version}`;
  const [algorithm, digest = ''] = integrity?.split(' ')[0]?.split('-', 2) ?? [];
  const content = Buffer.from(digest, 'base64').toString('hex');
  const hashes = algorithm && { hashes: [{ alg: algorithm.toUpperCase().replace('SHA', 'SHA-'), content }] };
  return { type: 'library', 'bom-ref': purl, name, version, purl, ...hashes };
});
const metadata = { component: { type: 'application', 'bom-ref': 'mediwatch', name: 'mediwatch' } };
process.stdout.write(
  `${JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', metadata, components }, null, 2)}\n`,
);
