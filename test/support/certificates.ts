import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes `NAME.pem` and `NAME.key` of an authority in a folder. */
export async function makeAuthority(cwd: string, name: string): Promise<void> {
  const out = ['-keyout', `${name}.key`, '-out', `${name}.pem`];
  await execa('openssl', ['req', '-x509', ...KEY, ...out, '-subj', `/CN=${name}`, '-days', '2'], { cwd });
}

/** Makes `NAME.pem` and `NAME.key` for 127.0.0.1 and NAME.test, signed by an authority of that folder. */
export async function makeCertificate(cwd: string, name: string, issuer: string): Promise<void> {
  const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`];
  await execa('openssl', ['req', ...KEY, ...request], { cwd });
  writeFileSync(join(cwd, `${name}.ext`), `subjectAltName=IP:127.0.0.1,DNS:${name}.test\n`);
  const by = ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAserial', `${name}.srl`, '-CAcreateserial'];
  const out = ['-out', `${name}.pem`, '-days', '2', '-extfile', `${name}.ext`];
  await execa('openssl', ['x509', '-req', '-in', `${name}.csr`, ...by, ...out], { cwd });
}
