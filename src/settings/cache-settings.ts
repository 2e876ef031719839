import type { SettingDefinition } from './definition.ts';
import {
  list,
  redisUrl,
  seconds,
  secretText,
  signingAlgorithm,
  trueOrFalse,
  wholeNumber,
} from './formats.ts';

/** The settings about keeping what the authorization server said, and about taking it back. */
export const cacheSettings = {
  OIDC_RS_CACHE_TTL: {
    doc: 'For how many seconds what the authorization server said about a token is used again. `0`: it is asked for each request. A token that is revoked there is let in until then, unless [the revocation reaches the cache](../guides/caching.md).',
    format: seconds(0, 3600),
    default: 0,
    example: '30',
    ours: true,
  },
  OIDC_RS_CACHE_MAX_ENTRIES: {
    doc: 'How many tokens each process keeps in its memory.',
    format: wholeNumber(1, 10_000_000),
    default: 10_000,
    example: '10000',
    ours: true,
  },
  OIDC_RS_CACHE_URL: {
    doc: 'A Redis or Valkey that all processes share, behind the memory of each. It needs the packages `keyv` and `@keyv/redis`. It may carry a user name and password.',
    format: redisUrl,
    default: undefined,
    example: 'redis://127.0.0.1:6379',
    sensitive: true,
    file: true,
    ours: true,
  },
  OIDC_RS_CACHE_SECRET: {
    doc: 'What the key is made of by which entries of the shared store are encrypted. Not set: the client secret. All processes that share a store need the same.',
    format: secretText,
    default: undefined,
    example: '0a4d55a8d778e5022fab701977c5d840',
    sensitive: true,
    file: true,
    ours: true,
  },
  OIDC_RS_STALE_IF_ERROR: {
    doc: 'For how many seconds more an entry of the cache is used while the authorization server cannot be asked; never past the expiry of the token, and never past its revocation.',
    format: seconds(0, 86_400),
    default: 0,
    example: '300',
    ours: true,
  },
  OIDC_RS_BACKCHANNEL_LOGOUT: {
    doc: 'Whether `/backchannel-logout` is published, by which the authorization server ends sessions here.',
    format: trueOrFalse,
    default: false,
    example: 'true',
    ours: true,
  },
  OIDC_RS_LOGOUT_AUDIENCES: {
    doc: 'The clients for which logout tokens may be meant: as a rule the one by which people log in. Empty: `OIDC_RS_CLIENT_ID` and `OIDC_RP_CLIENT_ID`.',
    format: list,
    default: [],
    example: 'web-app',
    ours: true,
  },
  OIDC_RS_LOGOUT_SIGNING_ALGO: {
    doc: 'The algorithm by which the authorization server signs logout tokens: as the login client is registered. No other is accepted.',
    format: signingAlgorithm,
    default: 'RS256',
    example: 'ES256',
    ours: true,
  },
} as const satisfies Record<string, SettingDefinition>;
