// What somebody writes who knows the RFCs and wants nothing but speed: undici, node:crypto, and the fewest checks that are
// still right for this one authorization server. No settings, no log, no rotation of keys, no reasons, no revocation.
import { Buffer } from 'node:buffer';
import * as crypto from 'node:crypto';
import { Pool } from 'undici';
import { connectGuard, decide, tokenOf, usersBySubject } from './connect-guard.mjs';
import { CACHE, CLIENT } from './scenario.mjs';

const decode = (text) => JSON.parse(Buffer.from(text, 'base64url'));

export async function guardOf(mode, { url, pem }, _framework, users = usersBySubject()) {
  const known = { issuer: url, users };
  const pool = new Pool(url, { headersTimeout: 5000, bodyTimeout: 5000, maxResponseSize: 65_536 });
  const type = mode === 'jwt' ? 'application/token-introspection+jwt' : 'application/json';
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: type,
    authorization: `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`,
  };
  const open = mode === 'jwt' ? await openerOf(url, pem) : JSON.parse;

  async function introspect(token) {
    const answer = await pool.request({
      method: 'POST',
      path: '/introspect',
      headers,
      body: `token=${encodeURIComponent(token)}&token_type_hint=access_token`,
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200 || answer.headers['content-type'] !== type) throw new Error('answer');
    return open(text);
  }

  async function ask(request, token) {
    return decide(request, await introspect(token), known);
  }

  return connectGuard(mode === 'cached' ? cached(introspect, known) : asked);

  function asked(request) {
    const token = tokenOf(request);
    return token === undefined ? 401 : ask(request, token);
  }
}

/** A map of hashes, bounded by forgetting the oldest. A hit is decided at once, without a promise. */
function cached(introspect, known) {
  const kept = new Map();

  async function ask(request, token, key) {
    const claims = await introspect(token);
    const until = performance.now() + CACHE.seconds * 1000;
    if (claims.active === true) {
      kept.delete(key);
      if (kept.size >= CACHE.entries) kept.delete(kept.keys().next().value);
      kept.set(key, { claims, until });
    }
    return decide(request, claims, known);
  }

  return (request) => {
    const token = tokenOf(request);
    if (token === undefined) return 401;
    const key = crypto.hash('sha256', token, 'base64url');
    const entry = kept.get(key);
    if (entry !== undefined && entry.until > performance.now()) return decide(request, entry.claims, known);
    return ask(request, token, key);
  };
}

/** Makes the function that decrypts and verifies a signed answer. */
async function openerOf(url, pem) {
  const privateKey = crypto.createPrivateKey(pem);
  const jwks = await (await fetch(`${url}/jwks`)).json();
  const publicKey = crypto.createPublicKey({ key: jwks.keys[0], format: 'jwk' });
  const signer = { key: publicKey, dsaEncoding: 'ieee-p1363' };
  const padding = crypto.constants.RSA_PKCS1_OAEP_PADDING;

  return (jwe) => {
    const [protectedHeader, encryptedKey, iv, ciphertext, tag] = jwe.split('.');
    const header = decode(protectedHeader);
    if (header.alg !== 'RSA-OAEP' || header.enc !== 'A256GCM') throw new Error('jwe');
    const key = crypto.privateDecrypt(
      { key: privateKey, padding, oaepHash: 'sha1' },
      Buffer.from(encryptedKey, 'base64url'),
    );
    const decipher = crypto.createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'), {
      authTagLength: 16,
    });
    decipher.setAAD(Buffer.from(protectedHeader)).setAuthTag(Buffer.from(tag, 'base64url'));
    const jws = decipher.update(ciphertext, 'base64url', 'latin1') + decipher.final('latin1');
    const [head, payload, signature] = jws.split('.');
    const { alg, typ } = decode(head);
    if (alg !== 'ES256' || typ !== 'token-introspection+jwt') throw new Error('jws');
    if (
      !crypto.verify('sha256', Buffer.from(`${head}.${payload}`), signer, Buffer.from(signature, 'base64url'))
    ) {
      throw new Error('signature');
    }
    const now = Date.now() / 1000;
    const { iss, aud, iat, token_introspection } = decode(payload);
    if (iss !== url || aud !== CLIENT.id || !(iat <= now + 5) || !(iat >= now - 65))
      throw new Error('claims');
    return token_introspection;
  };
}
