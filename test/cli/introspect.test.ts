import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { introspect, type IntrospectedApis, startIntrospectedApis } from '../support/introspect-command.ts';
import { oidcRs } from '../support/terminal.ts';

let apis: IntrospectedApis;
let alice: string;

beforeAll(async () => {
  apis = await startIntrospectedApis();
  alice = await apis.server.tokenFor('alice', { scopes: ['openid', 'profile'] });
});
afterAll(() => apis.stop());

describe('a token that is let in', () => {
  it('by plain introspection: five steps, the claims and the answer', async () => {
    const run = await introspect(apis.json, alice);
    expect(apis.transcript(run.out)).toMatchInlineSnapshot(`
      "✓ 1 extractAccessToken: this API wants one token, as "Authorization: Bearer <token>"; it is one of <n> characters (token_ref <ref>).
      ✓ 2 getClaims: IntrospectionResourceServerBackend has to vouch for the token; it does, with <n> claims.
        ✓ answer: <issuer>/token/introspection was asked as \`api-json\` (client_secret_basic) and should answer 200 in \`application/json\`; it answered 200 in \`application/json\`.
        ✓ active: this API wants the authorization server to say \`active: true\`; it says \`active: true\`.
        ✓ times: this API wants a token that is valid now, to 5 s (OIDC_RS_CLOCK_TOLERANCE); the token has \`iat\` <time>, \`exp\` <time>.
        ✓ issuer: this API wants \`iss\` to be exactly \`<issuer>\` (OIDC_OP_URL), where there is one; the answer has \`<issuer>\`.
        ✓ token_type: this API wants \`token_type\` to be \`Bearer\` or \`DPoP\`; the answer has \`Bearer\`.
      ✓ 3 verifyPossession: this API wants a token that is bound to no key, or to one that it can check; the token has no \`cnf\`: whoever has it can use it.
      ✓ 4 verifyClaims: IntrospectionResourceServerBackend has to accept the claims; it does.
        ✓ audience: this API wants \`client_id\` (OIDC_RS_AUDIENCE_CLAIM) to name one of \`spa\`, \`robot\`; the token has \`spa\`.
        – resource: OIDC_RS_RESOURCE is not set, so any \`aud\` will do; the token has no \`aud\`.
        – scope: OIDC_RS_SCOPES is empty, so no scope is asked for; the token has \`openid profile\`.
      ✓ 5 getOrCreateUser: this API wants an active user for the subject \`alice\` of \`<issuer>\`; one is made from the claims. Whether the user store of your application knows this person is not looked at: say --database to ask one.

      Claims
        active: true
        sub: "alice"
        client_id: "spa"
        exp: <seconds>
        iat: <seconds>
        iss: "<issuer>"
        scope: "openid profile"
        token_type: "Bearer"

      Your API would answer
        HTTP/1.1 200 OK
        and its route would be handed:
        subject: alice
        audience: spa
        scopes: openid profile
      "
    `);
    expect(run).toMatchObject({ code: 0, err: '' });
  });

  it('by signed and encrypted introspection: the headers, too', async () => {
    const run = await introspect(apis.jwt, alice);
    expect(apis.transcript(run.out)).toMatchInlineSnapshot(`
      "✓ 1 extractAccessToken: this API wants one token, as "Authorization: Bearer <token>"; it is one of <n> characters (token_ref <ref>).
      ✓ 2 getClaims: JWTResourceServerBackend has to vouch for the token; it does, with <n> claims.
        ✓ answer: <issuer>/token/introspection was asked as \`api-jwt\` (client_secret_basic) and should answer 200 in \`application/token-introspection+jwt\`; it answered 200 in \`application/token-introspection+jwt\`.
        ✓ jwe: this API wants the answer encrypted by \`RSA-OAEP\` (OIDC_RS_ENCRYPTION_ALGO) and \`A256GCM\` (OIDC_RS_ENCRYPTION_ENCODING), to its key \`<kid>\`; its header says alg \`RSA-OAEP\`, enc \`A256GCM\`, cty \`JWT\`.
        ✓ jws: this API wants it signed by \`ES256\` (OIDC_RS_SIGNING_ALGO); its header says alg \`ES256\`, kid \`<kid>\`, typ \`token-introspection+jwt\`.
        ✓ envelope: this API wants it from \`<issuer>\` (OIDC_OP_URL) and for \`api-jwt\`; it is from \`<issuer>\` and for \`api-jwt\`, made <time>.
        ✓ active: this API wants the authorization server to say \`active: true\`; it says \`active: true\`.
        ✓ times: this API wants a token that is valid now, to 5 s (OIDC_RS_CLOCK_TOLERANCE); the token has \`iat\` <time>, \`exp\` <time>.
        ✓ issuer: this API wants \`iss\` to be exactly \`<issuer>\` (OIDC_OP_URL), where there is one; the answer has \`<issuer>\`.
        ✓ token_type: this API wants \`token_type\` to be \`Bearer\` or \`DPoP\`; the answer has \`Bearer\`.
      ✓ 3 verifyPossession: this API wants a token that is bound to no key, or to one that it can check; the token has no \`cnf\`: whoever has it can use it.
      ✓ 4 verifyClaims: JWTResourceServerBackend has to accept the claims; it does.
        ✓ audience: this API wants \`client_id\` (OIDC_RS_AUDIENCE_CLAIM) to name one of \`spa\`, \`robot\`; the token has \`spa\`.
        – resource: OIDC_RS_RESOURCE is not set, so any \`aud\` will do; the token has no \`aud\`.
        – scope: OIDC_RS_SCOPES is empty, so no scope is asked for; the token has \`openid profile\`.
      ✓ 5 getOrCreateUser: this API wants an active user for the subject \`alice\` of \`<issuer>\`; one is made from the claims. Whether the user store of your application knows this person is not looked at: say --database to ask one.

      JWE header
        alg: "RSA-OAEP"
        enc: "A256GCM"
        cty: "JWT"
        iss: "<issuer>"
        aud: "api-jwt"

      JWS header
        alg: "ES256"
        typ: "token-introspection+jwt"
        kid: "<kid>"

      Claims
        active: true
        sub: "alice"
        client_id: "spa"
        exp: <seconds>
        iat: <seconds>
        iss: "<issuer>"
        scope: "openid profile"
        token_type: "Bearer"

      Your API would answer
        HTTP/1.1 200 OK
        and its route would be handed:
        subject: alice
        audience: spa
        scopes: openid profile
      "
    `);
    expect(run).toMatchObject({ code: 0, err: '' });
  });
});

describe('what is printed', () => {
  it('is one JSON object for machines, refused or not', async () => {
    const good = await introspect(apis.jwt, alice, '--json');
    expect(good.out.trim().split('\n')).toHaveLength(1);
    const report = JSON.parse(good.out) as Report;
    expect(Object.keys(report)).toEqual([
      'ok',
      'token_ref',
      'backend',
      'steps',
      'claims',
      'jwe',
      'jws',
      'answer',
    ]);
    expect(report).toMatchObject({
      ok: true,
      token_ref: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
      backend: 'JWTResourceServerBackend',
      claims: { active: true, sub: 'alice', client_id: 'spa', scope: 'openid profile' },
      jwe: { alg: 'RSA-OAEP', enc: 'A256GCM', cty: 'JWT' },
      jws: { alg: 'ES256', typ: 'token-introspection+jwt' },
      answer: {
        status: 200,
        identity: { subject: 'alice', audience: 'spa', scopes: ['openid', 'profile'] },
      },
    });
    const names = ['extractAccessToken', 'getClaims', 'verifyPossession', 'verifyClaims', 'getOrCreateUser'];
    expect(report.steps.map(({ name }) => name)).toEqual(names);

    const bad = await introspect({ ...apis.json, OIDC_RS_SCOPES: 'groups' }, alice, '--json');
    expect(bad.code).toBe(1);
    const refused = JSON.parse(bad.out) as Report;
    expect(refused).toMatchObject({ ok: false, answer: { status: 403, reason: 'scope' } });
    expect(refused).not.toHaveProperty('jwe');
    expect(refused.steps.map(({ status }) => status)).toEqual(['pass', 'pass', 'pass', 'fail', 'skip']);
    expect(refused.steps[3]?.checks.find(({ name }) => name === 'scope')).toEqual({
      name: 'scope',
      status: 'fail',
      expected: 'this API wants one of `groups`',
      found: 'the token has `openid profile`',
      remedy: 'Ask the client to request `groups`, or change OIDC_RS_SCOPES.',
    });
  });

  it('has colours where they are understood', async () => {
    const env = { ...apis.json, OIDC_RS_SCOPES: 'groups' };
    const run = async (colours: boolean) =>
      (await oidcRs(['introspect'], { env, input: alice, colours })).out;
    const coloured = await run(true);
    expect(coloured).toContain('\u001b[32m✓\u001b[39m 1 extractAccessToken');
    expect(coloured).toContain('\u001b[31m✗\u001b[39m 4 verifyClaims');
    expect(coloured).toContain('\u001b[31mHTTP/1.1 403 Forbidden\u001b[39m');
    expect(await run(false)).not.toContain('\u001b');
  });

  it('is told by --help', async () => {
    const { out, code } = await oidcRs(['introspect', '--help']);
    expect(code).toBe(0);
    for (const option of ['--token-file', '--scopes', '--any-scope', '--clients', '--database', '--json'])
      expect(out).toContain(option);
    expect(out).toContain('Exit codes: 0 all is well');
  });
});

interface Finding {
  name: string;
  status: string;
}
interface Report {
  steps: (Finding & { checks: Finding[] })[];
}
