import { inspect } from 'node:util';
import { expect } from 'vitest';
import { Exchange } from '../../src/authorization-server/exchange.ts';
import { SigningKeys } from '../../src/authorization-server/signing-keys.ts';
import type { BackendDependencies } from '../../src/backend/resource-server-backend.ts';
import type { HttpAdapter } from '../../src/http/http-adapter.ts';
import { PrivateKeys } from '../../src/key/private-keys.ts';
import { loadSettings, type SettingsInput } from '../../src/settings.ts';
import type { Logger } from '../../src/types.ts';
import { ClaimsUserStore, type ClaimsUser } from '../../src/user/claims-user-store.ts';

type Level = keyof Logger;
type Fields = Readonly<Record<string, unknown>>;

/** A logger that remembers. */
export class RecordedLog implements Logger {
  readonly entries: { readonly level: Level; readonly fields: Fields; readonly message: string }[] = [];

  /** The level and the event of each entry, in order: `error as.untrusted`. */
  get events(): string[] {
    return this.entries.map(({ level, fields }) => `${level} ${String(fields['event'])}`);
  }

  debug(fields: Fields, message: string): void {
    this.entries.push({ level: 'debug', fields, message });
  }

  info(fields: Fields, message: string): void {
    this.entries.push({ level: 'info', fields, message });
  }

  warn(fields: Fields, message: string): void {
    this.entries.push({ level: 'warn', fields, message });
  }

  error(fields: Fields, message: string): void {
    this.entries.push({ level: 'error', fields, message });
  }
}

/** What backends and clients are built from, by the real classes, as `createResourceServer` does. */
export function dependenciesFor(
  input: SettingsInput,
  http: HttpAdapter,
): BackendDependencies<ClaimsUser> & { readonly logger: RecordedLog } {
  const settings = loadSettings({ settings: input, env: {} });
  const logger = new RecordedLog();
  const { keys: privateKeys, problems } = PrivateKeys.read({
    pem: settings.OIDC_RS_PRIVATE_KEY_STR,
    keyType: settings.OIDC_RS_ENCRYPTION_KEY_TYPE,
    algorithm: settings.OIDC_RS_ENCRYPTION_ALGO,
    encoding: settings.OIDC_RS_ENCRYPTION_ENCODING,
  });
  expect(problems).toEqual([]);
  const signingKeys = new SigningKeys({
    exchange: new Exchange({ http, logger, timeoutMs: settings.OIDC_TIMEOUT * 1000 }),
    url: () => settings.OIDC_OP_JWKS_ENDPOINT ?? '',
    logger,
  });
  return { settings, http, logger, signingKeys, privateKeys, userStore: new ClaimsUserStore() };
}

/** Everything that somebody who logs these values can come to see, hidden members and causes included. */
export function everythingIn(...values: readonly unknown[]): string {
  const shown = values.flatMap((value) => [
    inspect(value, { depth: Infinity, showHidden: true, maxStringLength: Infinity }),
    JSON.stringify(value),
    value instanceof Error ? `${value.message}\n${value.stack ?? ''}` : '',
  ]);
  return shown.join('\n');
}

/** Waits for what must fail, and returns why. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome) return outcome.error;
  expect.unreachable(`it did not fail, but resolved with ${inspect(outcome.value)}`);
}
