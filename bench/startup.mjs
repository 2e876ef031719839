// What importing the package and starting a resource server costs, beside importing only jose and undici. Each variant
// is a process of its own, alternating, so that the machine's moods hit all alike. `npm run build` comes first.
import { spawnSync } from 'node:child_process';

const ROUNDS = 15;
const START = `
  const { createResourceServer } = await import('oidc-resource-server');
  await createResourceServer({ env: {}, logger: { debug() {}, info() {}, warn() {}, error() {} }, settings: {
    OIDC_OP_URL: 'https://auth.example.com', OIDC_OP_INTROSPECTION_ENDPOINT: 'https://auth.example.com/introspect',
    OIDC_OP_JWKS_ENDPOINT: 'https://auth.example.com/jwks', OIDC_RS_CLIENT_ID: 'api', OIDC_RS_CLIENT_SECRET: 'secret',
    ...SETTINGS } });`;
const KEY = `import { generateKeyPairSync } from 'node:crypto';
  const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });`;

/** Each prints the milliseconds that its own part took, without the start of Node. */
const VARIANTS = {
  'nothing (the measurement itself)': '',
  'import undici and jose': `await import('undici'); await import('jose');`,
  'import all six dependencies': `await import('reflect-metadata'); await import('tsyringe'); await import('convict'); await import('undici'); await import('jose');`,
  'import oidc-resource-server': `await import('oidc-resource-server');`,
  'import and start, JSON introspection': START.replace('SETTINGS', '{}'),
  'import and start, signed and encrypted': START.replace(
    'SETTINGS',
    `{ OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend', OIDC_RS_PRIVATE_KEY_STR: pem, OIDC_RS_ENCRYPTION_KEY_TYPE: 'EC', OIDC_RS_ENCRYPTION_ALGO: 'ECDH-ES' }`,
  ),
};

const times = new Map(Object.keys(VARIANTS).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, code] of Object.entries(VARIANTS)) {
    const head = code.includes('pem') ? KEY : '';
    const script = `${head} const startedAt = performance.now(); ${code} console.log(performance.now() - startedAt);`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: new URL('..', import.meta.url),
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${name} failed: ${stderr}`);
    times.get(name).push(Number(stdout));
  }
}

console.log(`\nStart-up on Node ${process.version}, medians of ${ROUNDS} processes each, milliseconds:\n`);
for (const [name, samples] of times) {
  const sorted = samples.toSorted((a, b) => a - b);
  console.log(`  ${name.padEnd(42)} ${sorted[ROUNDS >> 1].toFixed(0).padStart(5)}`);
}
console.log();
