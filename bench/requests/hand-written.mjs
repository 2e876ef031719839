// What somebody writes who knows the RFCs and wants nothing but speed: undici, node:crypto, and the fewest checks that are
// still right for this one authorization server. No settings, no log, no rotation of keys, no reasons.
import { Buffer } from 'node:buffer';
import {
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  constants,
  privateDecrypt,
  verify,
} from 'node:crypto';
import { Pool } from 'undici';
import { ALLOWED_CLIENT, CLIENT, SCOPE, USERS } from './scenario.mjs';

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i;
const decode = (text) => JSON.parse(Buffer.from(text, 'base64url'));

export async function guardOf(mode, { url, pem }) {
  const users = new Map(
    Array.from({ length: USERS }, (_, i) => [`user-${i}`, { name: `User ${i}`, active: true }]),
  );
  const pool = new Pool(url, { headersTimeout: 5000, bodyTimeout: 5000, maxResponseSize: 65_536 });
  const type = mode === 'jwt' ? 'application/token-introspection+jwt' : 'application/json';
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: type,
    authorization: `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`,
  };
  const privateKey = createPrivateKey(pem);
  const jwks = await (await fetch(`${url}/jwks`)).json();
  const publicKey = createPublicKey({ key: jwks.keys[0], format: 'jwk' });

  function open(jwe, now) {
    const [protectedHeader, encryptedKey, iv, ciphertext, tag] = jwe.split('.');
    const header = decode(protectedHeader);
    if (header.alg !== 'RSA-OAEP' || header.enc !== 'A256GCM') throw new Error('jwe');
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const key = privateDecrypt(
      { key: privateKey, padding, oaepHash: 'sha1' },
      Buffer.from(encryptedKey, 'base64url'),
    );
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'), {
      authTagLength: 16,
    });
    decipher.setAAD(Buffer.from(protectedHeader)).setAuthTag(Buffer.from(tag, 'base64url'));
    const jws = decipher.update(ciphertext, 'base64url', 'latin1') + decipher.final('latin1');
    const [head, payload, signature] = jws.split('.');
    const { alg, typ } = decode(head);
    if (alg !== 'ES256' || typ !== 'token-introspection+jwt') throw new Error('jws');
    const signer = { key: publicKey, dsaEncoding: 'ieee-p1363' };
    if (!verify('sha256', Buffer.from(`${head}.${payload}`), signer, Buffer.from(signature, 'base64url'))) {
      throw new Error('signature');
    }
    const { iss, aud, iat, token_introspection } = decode(payload);
    if (iss !== url || aud !== CLIENT.id || !(iat <= now + 5) || !(iat >= now - 65))
      throw new Error('claims');
    return token_introspection;
  }

  async function decide(request) {
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) return 401;
    const answer = await pool.request({
      method: 'POST',
      path: '/introspect',
      headers,
      body: `token=${encodeURIComponent(token)}&token_type_hint=access_token`,
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200 || answer.headers['content-type'] !== type) return 503;
    const now = Date.now() / 1000;
    const claims = mode === 'jwt' ? open(text, now) : JSON.parse(text);
    if (claims.active !== true || claims.iss !== url || !(claims.exp > now) || claims.token_type !== 'Bearer')
      return 401;
    if (claims.client_id !== ALLOWED_CLIENT || claims.cnf !== undefined) return 401;
    if (!claims.scope.split(' ').includes(SCOPE)) return 403;
    const user = users.get(claims.sub);
    if (user?.active !== true) return 401;
    request.user = user;
    return 200;
  }

  const refuse = (response, status) => {
    response.statusCode = status;
    response.setHeader('www-authenticate', 'Bearer');
    response.end();
  };
  const guard = (request, response, next) => {
    decide(request).then(
      (status) => (status === 200 ? next() : refuse(response, status)),
      () => refuse(response, 503),
    );
  };
  return { guard, userOf: (request) => request.user };
}
