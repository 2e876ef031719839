// The authorization server, cut down to the cost of reading a request and writing bytes that were made before. It runs in the
// process of the load, so that neither waits for the other to be put on their core. What the token is called decides the
// answer; `t-17` is a good token of user-17, and what begins with `forged` gets an answer that somebody else signed, or nobody.
// JWTs with the same claims are made for those who verify them locally.
import { Buffer } from 'node:buffer';
import { createPublicKey, randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { clearInterval, setInterval } from 'node:timers';
import { CompactEncrypt, CompactSign, exportJWK, generateKeyPair } from 'jose';
import { CLIENT, USERS } from './scenario.mjs';

/** How often signed answers are made anew: nobody takes one that is older than a minute. */
const RENEW_MS = 15_000;
/** How many signed answers there are. Good tokens share them, so that they can be made again quickly. */
const SIGNED = 16;
/** A client under load never lets its connections go; here each waits for its turn most of the time. */
const KEEP_ALIVE = 'Keep-Alive: timeout=600';
const BASIC = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`;

const { privateKey, publicKey } = await generateKeyPair('ES256');
const forger = await generateKeyPair('ES256');
let encryptionKey;
let issuer;
/** How many introspections there were. */
let asked = 0;

function claimsOf(user) {
  const now = Math.floor(Date.now() / 1000);
  return {
    active: true,
    iss: issuer,
    sub: `user-${user}`,
    client_id: 'spa',
    scope: 'openid groups',
    token_type: 'Bearer',
    iat: now - 60,
    exp: now + 3600,
  };
}

/** Tokens that nobody may let in, by their names. */
function badAnswers() {
  const good = claimsOf(1);
  return {
    inactive: { ...good, active: false },
    expired: { ...good, exp: good.iat - 60 },
    'foreign-client': { ...good, client_id: 'another' },
    'refresh-token': { ...good, token_type: 'refresh_token' },
    unscoped: { ...good, scope: 'openid' },
    stranger: { ...good, sub: 'nobody' },
  };
}

function http(status, type, body) {
  const length = Buffer.byteLength(body);
  const head = `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n${KEEP_ALIVE}\r\n\r\n`;
  return Buffer.from(head + body);
}
const json = (value) => http('200 OK', 'application/json', JSON.stringify(value));

async function jwt(claims, key = privateKey) {
  return http(
    '200 OK',
    'application/token-introspection+jwt',
    await encrypted(await signedAnswer(claims, key)),
  );
}

function signedAnswer(claims, key) {
  const envelope = {
    iss: issuer,
    aud: CLIENT.id,
    iat: Math.floor(Date.now() / 1000),
    token_introspection: claims,
  };
  return signedBy(key, 'token-introspection+jwt', envelope);
}

function signedBy(key, typ, payload) {
  return new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'ES256', typ, kid: 'sig' })
    .sign(key);
}

function encrypted(text) {
  return new CompactEncrypt(Buffer.from(text))
    .setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A256GCM', cty: 'JWT' })
    .encrypt(encryptionKey);
}

/** The same answer with `alg: none`. */
async function unsigned(claims) {
  const [, payload] = (await signedAnswer(claims, privateKey)).split('.');
  const header = Buffer.from('{"alg":"none","typ":"token-introspection+jwt"}').toString('base64url');
  return http('200 OK', 'application/token-introspection+jwt', await encrypted(`${header}.${payload}.`));
}

/** Access tokens that are JWTs, by the names that the opaque ones have. */
async function accessTokens() {
  const make = (claims, typ = 'at+jwt', key = privateKey) => {
    // What only an introspection says is left out.
    const payload = {
      ...claims,
      active: undefined,
      token_type: undefined,
      aud: CLIENT.id,
      jti: randomUUID(),
    };
    return signedBy(key, typ, payload);
  };
  const named = [
    ...Array.from({ length: USERS }, (_, user) => [`t-${user}`, make(claimsOf(user))]),
    ...Object.entries(badAnswers()).map(([name, claims]) => [
      name,
      make(claims, claims.token_type === 'Bearer' ? 'at+jwt' : 'refresh+jwt'),
    ]),
    ['forged', make(claimsOf(1), 'at+jwt', forger.privateKey)],
  ];
  return Object.fromEntries(await Promise.all(named.map(async ([name, token]) => [name, await token])));
}

const jwks = json({ keys: [{ ...(await exportJWK(publicKey)), kid: 'sig', alg: 'ES256', use: 'sig' }] });
const inactive = json({ active: false });
const refused = http('401 Unauthorized', 'application/json', '{"error":"invalid_client"}');
let plain = [];
let signed = [];
let bad = {};
let forged = [];

async function renew() {
  signed = await Promise.all(Array.from({ length: SIGNED }, (_, user) => jwt(claimsOf(user))));
  plain = Array.from({ length: USERS }, (_, user) => json(claimsOf(user)));
  const answers = await Promise.all(
    Object.entries(badAnswers()).map(async ([name, claims]) => [name, [json(claims), await jwt(claims)]]),
  );
  bad = Object.fromEntries(answers);
  forged = [await jwt(claimsOf(1), forger.privateKey), await unsigned(claimsOf(1))];
}

function answerTo(head, body) {
  if (head.startsWith('GET /jwks ')) return jwks;
  const authorization = /^authorization: *(.*)\r$/im.exec(head)?.[1];
  if (authorization !== BASIC) return refused;
  asked += 1;
  const token = /(?:^|&)token=([^&]*)/.exec(body)[1];
  const asksForJwt = head.includes('token-introspection+jwt');
  if (token.startsWith('forged')) return asksForJwt ? forged[asked % 2] : inactive;
  if (!token.startsWith('t-')) return bad[token][asksForJwt ? 1 : 0];
  const user = Number(token.slice(2));
  return asksForJwt ? signed[user % SIGNED] : plain[user];
}

const server = createServer((socket) => {
  let received = '';
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    received += chunk.latin1Slice();
    const end = received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = received.slice(0, end + 2);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    if (received.length < end + 4 + length) return;
    const body = received.slice(end + 4, end + 4 + length);
    // Nobody here sends a second request before the first is answered.
    received = '';
    socket.write(answerTo(head, body));
  });
});

/**
 * Starts it; resolves with its address, with the JWTs, and with `asked`, which says how many introspections there were.
 *
 * @param publicPem The key that it encrypts to.
 */
export async function startAuthorizationServer(publicPem) {
  encryptionKey = createPublicKey(publicPem);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${server.address().port}`;
  await renew();
  const timer = setInterval(renew, RENEW_MS);
  const stop = () => {
    clearInterval(timer);
    server.close();
  };
  return { url: issuer, jwts: await accessTokens(), asked: () => asked, stop };
}
