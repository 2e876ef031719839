import type { SettingsInput, SettingsReading } from '../../settings.ts';

const TTL_SECONDS = 30;

/** What `--cache <redis url>` comes to: the shared store, and a time for which claims are kept where the settings say none. */
export function cacheSettings(url: string | undefined, { settings }: SettingsReading): SettingsInput {
  if (url === undefined) return {};
  return {
    OIDC_RS_CACHE_URL: url,
    ...(settings.OIDC_RS_CACHE_TTL === 0 && { OIDC_RS_CACHE_TTL: TTL_SECONDS }),
  };
}
