// A process of its own: the authorization server, cut down to the cost of reading a request and writing bytes that were
// made before. What the token is called decides the answer; `t-17` is a good token of user-17.
import { Buffer } from 'node:buffer';
import { createPublicKey } from 'node:crypto';
import { createServer } from 'node:net';
import { setInterval } from 'node:timers';
import { CompactEncrypt, CompactSign, exportJWK, generateKeyPair } from 'jose';
import { CLIENT, USERS } from './scenario.mjs';

/** How often signed answers are made anew: nobody takes one that is older than a minute. */
const RENEW_MS = 15_000;
/** How many signed answers there are. Good tokens share them, so that they can be made again quickly. */
const SIGNED = 16;
const BASIC = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`;

const { privateKey, publicKey } = await generateKeyPair('ES256');
const forger = await generateKeyPair('ES256');
const encryptionKey = createPublicKey(process.argv[2]);
let issuer;

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
  const head = `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.from(head + body);
}
const json = (value) => http('200 OK', 'application/json', JSON.stringify(value));

async function jwt(claims, key = privateKey) {
  const envelope = {
    iss: issuer,
    aud: CLIENT.id,
    iat: Math.floor(Date.now() / 1000),
    token_introspection: claims,
  };
  const jws = await new CompactSign(Buffer.from(JSON.stringify(envelope)))
    .setProtectedHeader({ alg: 'ES256', typ: 'token-introspection+jwt', kid: 'sig' })
    .sign(key);
  const jwe = await new CompactEncrypt(Buffer.from(jws))
    .setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A256GCM', cty: 'JWT' })
    .encrypt(encryptionKey);
  return http('200 OK', 'application/token-introspection+jwt', jwe);
}

const jwks = json({ keys: [{ ...(await exportJWK(publicKey)), kid: 'sig', alg: 'ES256', use: 'sig' }] });
const refused = http('401 Unauthorized', 'application/json', '{"error":"invalid_client"}');
let plain = [];
let signed = [];
let bad = {};

async function renew() {
  signed = await Promise.all(Array.from({ length: SIGNED }, (_, user) => jwt(claimsOf(user))));
  plain = Array.from({ length: USERS }, (_, user) => json(claimsOf(user)));
  const answers = await Promise.all(
    Object.entries(badAnswers()).map(async ([name, claims]) => [name, [json(claims), await jwt(claims)]]),
  );
  bad = Object.fromEntries(answers);
  bad.forged = [json({ active: false }), await jwt(claimsOf(1), forger.privateKey)];
}

function answerTo(head, body) {
  if (head.startsWith('GET /jwks ')) return jwks;
  const authorization = /^authorization: *(.*)\r$/im.exec(head)?.[1];
  if (authorization !== BASIC) return refused;
  const token = /(?:^|&)token=([^&]*)/.exec(body)[1];
  const asksForJwt = head.includes('token-introspection+jwt');
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
server.listen(0, '127.0.0.1', async () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  await renew();
  setInterval(renew, RENEW_MS);
  process.send({ url: issuer });
});
process.on('message', () => process.exit());
process.on('disconnect', () => process.exit());
