import type { Exchange } from '../../authorization-server/exchange.ts';
import type { MetadataDocument } from '../../authorization-server/metadata-document.ts';
import type { Claims } from '../../claims.ts';
import type { Composition } from '../../composition.ts';
import type { SettingsReading } from '../../settings.ts';
import type { RecordingHttpAdapter } from '../recorded-exchanges.ts';

/** What a check found. `skip`: it could not be looked at, or does not apply; the message says why. */
export interface Finding {
  readonly status: 'pass' | 'warn' | 'fail' | 'skip';
  /** What was found, and what was expected. Nothing secret. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string | undefined;
}

/** What checks look at, and what earlier ones leave for later ones. */
export interface CheckContext {
  readonly reading: SettingsReading;
  /** The parts of the resource server; `undefined` while the settings cannot make one. */
  readonly composition: Composition<unknown, Claims> | undefined;
  readonly http: RecordingHttpAdapter;
  readonly exchange: Exchange;
  /** The problems that keep the resource server from starting. */
  readonly problems: readonly string[];
  readonly flags: { readonly database?: string; readonly jwksUrl?: string };
  /** What the authorization server publishes, once it has been fetched and believed. */
  document?: MetadataDocument;
  /** Whether the authorization server took our credentials, once it was asked. */
  accepted?: boolean;
  /** What the backend made of its answer about a token that nobody has issued. */
  outcome?: unknown;
}

/** One step of `oidc-rs check`. A later capability adds its own to the list in `checks.ts`. */
export interface Check {
  /** The step's name, for people and for machines. */
  readonly name: string;
  /** Looks; a check that throws counts as failed. */
  run(context: CheckContext): Promise<readonly Finding[]>;
}

export const pass = (message: string): Finding => ({ status: 'pass', message });
export const warn = (message: string, remedy?: string): Finding => ({ status: 'warn', message, remedy });
export const fail = (message: string, remedy?: string): Finding => ({ status: 'fail', message, remedy });
export const skip = (message: string): Finding => ({ status: 'skip', message });
