import type Provider from 'oidc-provider';
import type { Configuration } from 'oidc-provider';
import { loadOptionalPeer } from './optional-peer.ts';

// Everything about oidc-provider comes through this file, so that no declaration of the package's entry point needs it.
export type { Provider };
export type {
  AccessToken,
  Adapter,
  AdapterFactory,
  AdapterPayload,
  ClientCredentials,
  ClientMetadata,
  Configuration,
  JWKS,
} from 'oidc-provider';

// oidc-provider warns about every default that a real server must change. The configuration changes all of them;
// these two lines it prints whatever the configuration says:
const expectedWarnings = [
  // on import: it is tested on Node 22 and later. This project supports Node 20 too, where it works.
  'oidc-provider WARNING: Unsupported runtime. Use Node.js v22.x LTS',
  // on construction: its login pages are for development. That is what they serve here.
  'oidc-provider WARNING: a quick start development-only feature devInteractions is enabled',
];

let loading: Promise<typeof Provider> | undefined;

/** Imports oidc-provider (once) without the expected warnings, hence not by an import at the top of a file. */
export function loadProvider(): Promise<typeof Provider> {
  loading ??= (async () => {
    const restore = dropExpectedWarnings();
    try {
      const load = () => import('oidc-provider');
      return (await loadOptionalPeer('oidc-provider', 'startTestAuthorizationServer', load)).default;
    } finally {
      restore();
    }
  })();
  return loading;
}

export function createProvider(
  ProviderClass: typeof Provider,
  issuer: string,
  configuration: Configuration,
): Provider {
  const restore = dropExpectedWarnings();
  try {
    return new ProviderClass(issuer, configuration);
  } finally {
    restore();
  }
}

/** Drops exactly the expected lines; whatever else is printed meanwhile goes on to the console. */
function dropExpectedWarnings(): () => void {
  const original = console.warn;
  const filtered = (...values: unknown[]): void => {
    // On a terminal the line is coloured, so it does not always begin with the text.
    const expected = expectedWarnings.some((text) => String(values[0]).includes(text));
    if (!expected) original.apply(console, values);
  };
  console.warn = filtered;
  return () => {
    // Somebody else (a test's spy) may have replaced it while the import was under way: then it is theirs.
    if (console.warn === filtered) console.warn = original;
  };
}
