// Claims as servers like Keycloak or oidc-provider send them: 18 fields, of which some differ for each token, some for
// each person, and some never.
import { Buffer } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';

const SECONDS_OF_DAY = 86_400;

/** The JSON text of a token's claims: one flat string, as one that came over the network. What `stringify` makes is not. */
export function claimsText(number) {
  const person = number >> 1;
  const now = 1_790_000_000 + (number % SECONDS_OF_DAY);
  const text = JSON.stringify({
    active: true,
    iss: 'https://auth.example.com',
    sub: uuidOf(person),
    aud: 'api',
    client_id: 'spa',
    scope: 'openid profile email groups',
    token_type: 'Bearer',
    iat: now,
    exp: now + 3600,
    auth_time: now - 60,
    jti: randomText(),
    sid: randomText(),
    acr: 'eidas1',
    username: `person-${person}`,
    email: `person-${person}@example.com`,
    email_verified: true,
    name: `Given${person} Family${person % 997}`,
    updated_at: now - SECONDS_OF_DAY,
  });
  return Buffer.from(text).latin1Slice();
}

/** The key under which a token is kept: a hash, as in the cache. */
export function keyOf(number) {
  return createHash('sha256').update(`token-${number}`).digest('base64url');
}

function uuidOf(number) {
  const hex = createHash('md5').update(String(number)).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function randomText() {
  return randomBytes(16).toString('base64url');
}
