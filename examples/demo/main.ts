// The main job, end to end: a real authorization server, a person who logs in, and an API that lets that person in and
// everybody else out. `npm run demo`
import { parseArgs } from 'node:util';
import type { SettingsInput } from 'oidc-resource-server';
import {
  startAuthorizationServer,
  type TestAuthorizationServer,
} from '../../test/support/authorization-server.ts';
import { logIn } from '../../test/support/person.ts';
import { type Api, newKeys, startApi } from './api.ts';
import { isRight, renderTable, type Row } from './table.ts';
import { startUsers } from './users.ts';

const HELP = `Shows an API protected by oidc-resource-server, against a real authorization server on this machine.

  npm run demo              print a table of requests and answers, and end
  npm run demo -- --serve   keep everything running, with curl lines to try; Ctrl+C ends it
  npm run demo -- --help    print this

Exit code: 0 when every request got the answer that it should get, 1 otherwise.`;

const { values } = parseArgs({
  options: { serve: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});
if (values.help) console.log(HELP);
else process.exitCode = await demonstrate(values.serve);

async function demonstrate(serve: boolean): Promise<number> {
  const say = (text: string): void => {
    console.log(`  ${text}`);
  };
  console.log();
  const { privateKey, publicKeys } = newKeys();
  // The API is registered with its public key: what its /jwks publishes.
  const server = await startAuthorizationServer({ encryptionJwks: publicKeys });
  say(`Authorization server (oidc-provider)           ${server.url}`);
  const users = await startUsers(server.url, { alice: 'Alice Martin' });
  say('Users, in an SQLite file                       Alice alone');
  const json = await startApi(server.settingsFor('json'), users.store);
  say(`API that has tokens introspected as JSON       ${json.url}/me`);
  const jwt = await startApi({ ...server.settingsFor('jwt'), ...jwtSettings(privateKey) }, users.store);
  say(`API that wants answers signed and encrypted    ${jwt.url}/me`);
  const creating = await startApi(
    { ...server.settingsFor('json'), ...creatingSettings(server) },
    users.store,
  );
  say(`API that creates users when they first come    ${creating.url}/me`);
  say('Alice and Bob log in, through the login and consent pages …');
  const alice = await logIn(server, { login: 'alice', scopes: ['openid', 'groups', 'offline_access'] });
  const narrow = await logIn(server, { login: 'alice', scopes: ['openid', 'email'] });
  const bob = await logIn(server, { login: 'bob', scopes: ['openid', 'profile', 'groups'] });
  console.log();

  const rows: Row[] = [];
  const show = async (
    api: Api,
    request: string,
    token: string | undefined,
    expected: string,
  ): Promise<void> => {
    rows.push({ request, expected, ...(await ask(api, token)) });
  };
  const invalid = '401 invalid_token';
  await show(json, 'No token', undefined, '401 unauthenticated');
  await show(json, "Alice's token, JSON introspection", alice.accessToken, '200 Alice Martin');
  await show(jwt, "Alice's token, signed and encrypted introspection", alice.accessToken, '200 Alice Martin');
  await show(json, 'Alice\'s token without the scope "groups"', narrow.accessToken, '403 insufficient_scope');
  await show(json, "Alice's refresh token", alice.refreshToken, invalid);
  await show(json, "Alice's ID token", alice.idToken, invalid);
  await show(json, 'A token of nobody', 'made-up-token', invalid);
  await show(json, "Bob's token: not a user yet", bob.accessToken, invalid);
  await show(creating, "Bob's token, where users are created", bob.accessToken, '200 Name of bob');
  await show(json, "Bob's token, now that he is a user", bob.accessToken, '200 Name of bob');
  await users.disable('bob');
  await show(json, "Bob's token, after he was disabled", bob.accessToken, invalid);
  await show(creating, 'The same, where users are created', bob.accessToken, invalid);
  const gone = await server.tokensFor('alice', { scopes: ['groups'] });
  await server.revoke(gone.accessToken);
  await show(json, "Alice's revoked token", gone.accessToken, invalid);
  await show(jwt, "Alice's revoked token, signed and encrypted introspection", gone.accessToken, invalid);
  await server.stop();
  await show(
    json,
    "Alice's token, authorization server stopped",
    alice.accessToken,
    '503 temporarily_unavailable',
  );

  console.log(renderTable(rows, process.stdout.isTTY && process.env.NO_COLOR === undefined));
  const wrong = rows.filter((row) => !isRight(row)).length;
  console.log(
    wrong === 0
      ? `\n  ${rows.length} requests, every answer as it should be.\n`
      : `\n  ${wrong} of ${rows.length} answers are not as they should be.\n`,
  );
  if (serve) {
    await server.restart();
    printCurlLines(json.url, jwt.url, alice.accessToken, narrow.accessToken);
    await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
    await server.stop();
  }
  await Promise.all([json.close(), jwt.close(), creating.close()]);
  await users.close();
  return wrong === 0 ? 0 : 1;
}

/** Asks for `/me`; says what came back, and what the API's log says about it. */
async function ask(api: Api, token: string | undefined): Promise<Pick<Row, 'got' | 'why'>> {
  api.lastWord.message = '';
  const response = await fetch(`${api.url}/me`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  const body = (await response.json()) as { name?: string; error?: string; via?: string };
  const why = api.lastWord.message || `A user here, who came through the client "${body.via ?? ''}".`;
  return { got: `${response.status} ${body.name ?? body.error ?? ''}`, why };
}

function creatingSettings(server: TestAuthorizationServer): SettingsInput {
  return { OIDC_RS_CREATE_USER: true, OIDC_OP_USER_ENDPOINT: server.endpoints.userinfo };
}

function jwtSettings(privateKey: string): SettingsInput {
  return { OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend', OIDC_RS_PRIVATE_KEY_STR: privateKey };
}

function printCurlLines(json: string, jwt: string, token: string, narrow: string): void {
  console.log(`  Everything keeps running. Try:

    curl -i ${json}/me
    curl -i ${json}/me -H 'Authorization: Bearer ${token}'
    curl -i ${jwt}/me -H 'Authorization: Bearer ${token}'
    curl -i ${json}/me -H 'Authorization: Bearer ${narrow}'
    curl -i ${jwt}/jwks

  Ctrl+C ends it.
`);
}
