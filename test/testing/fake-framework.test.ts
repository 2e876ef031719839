import { AuthorizationServerError, type SettingsInput } from 'oidc-resource-server';
import { fakeResourceServer } from 'oidc-resource-server/testing';
import { describe, it, vi } from 'vitest';
import { frameworkContract } from '../framework/framework-contract.ts';
import { startNode } from '../framework/node-contract.ts';

const person = (subject: string) => ({ issuer: 'https://auth.example.com', subject, active: true });
const scopes = ['openid', 'groups'];

/** The tokens of `token-table.ts`, as somebody would write them for `fakeResourceServer`. */
const TOKENS = {
  'alice-token': { user: person('alice'), scopes },
  'bob-token': { user: person('bob'), scopes },
  'no-scope-token': { user: person('alice'), scopes: ['openid'] },
  'robot-token': { client: 'robot', scopes },
  'bound-token': { user: person('alice'), scopes, claims: { cnf: { jkt: 'thumbprint' } } },
  'down-token': new AuthorizationServerError('ERR_AS_UNAVAILABLE', 'down', 7),
  'bug-token': new Error('a bug whose message holds s3cr3t'),
};

// The suite asks for its resource server there.
vi.mock('../support/token-table.ts', () => ({
  tokenTableResourceServer: (settings: SettingsInput = {}) =>
    Promise.resolve(fakeResourceServer(TOKENS, { settings })),
}));

describe('a fake resource server, on node:http', () => {
  frameworkContract({ describe, it }, startNode);
});
