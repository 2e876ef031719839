import { FormatError } from '../../settings/formats.ts';
import { settingsSchema, type SettingDefinition } from '../../settings/schema.ts';
import { shippedBackend } from '../../container.ts';

/** What becomes of one setting of Django's. */
export interface Outcome {
  readonly settings?: Readonly<Record<string, string>>;
  /** Why it is not carried over, and what to do. */
  readonly why?: string;
  /** What to know where it is carried over. */
  readonly note?: string;
}

const SCHEMA: Readonly<Record<string, SettingDefinition>> = settingsSchema;

/** Settings that have another form or another meaning here. */
export const RULES: Readonly<Record<string, (value: unknown) => Outcome>> = {
  OIDC_RS_BACKEND_CLASS(value) {
    if (typeof value === 'string' && shippedBackend(value) !== undefined)
      return carry('OIDC_RS_BACKEND_CLASS', value);
    return {
      why: 'a class of your own has to be written anew, in TypeScript, and registered by its name: see the guide on backends, and the table of hooks in the guide on this migration.',
    };
  },
  OIDC_RS_SCOPES(value) {
    const isEmpty = Array.isArray(value)
      ? value.length === 0
      : typeof value === 'string' && /^[\s[\]()]*$/.test(value);
    if (!isEmpty) return carry('OIDC_RS_SCOPES', value);
    return {
      why: 'an empty list refuses every token there; here it asks for no scope and lets them in. To keep the API closed, use OIDC_RESOURCE_SERVER_ENABLED=false.',
    };
  },
  OIDC_VERIFY_SSL(value) {
    const text = written(value);
    if (/^(?:true|1|yes|on)$/i.test(text)) return carry('OIDC_VERIFY_SSL', 'true');
    if (/^(?:false|0|no|off)$/i.test(text))
      return {
        why: 'without a look at the certificate, anybody on the way can be the authorization server. Name the authority by which it is signed in OIDC_CA or OIDC_CA_FILE; for development alone, write OIDC_VERIFY_SSL=false.',
      };
    return { settings: { OIDC_CA_FILE: text }, note: `OIDC_VERIFY_SSL was a path; here it is OIDC_CA_FILE.` };
  },
  OIDC_PROXY(value) {
    if (typeof value !== 'object' || value === null) return carry('OIDC_PROXY', value);
    const proxies = Object.entries(value as Record<string, unknown>);
    const [, chosen] =
      ['https', 'http', 'all'].flatMap((scheme) => proxies.filter(([key]) => key === scheme))[0] ?? [];
    if (chosen === undefined) return { why: 'no proxy of it is for https, http or all. Here it is one URL.' };
    const note =
      new Set(proxies.map(([, url]) => url)).size > 1
        ? 'OIDC_PROXY had several proxies; the one for https was taken.'
        : undefined;
    return { ...carry('OIDC_PROXY', chosen), ...(note !== undefined && { note }) };
  },
  OIDC_RS_ENCRYPTION_KEY_TYPE(value) {
    if (value !== 'oct') return carry('OIDC_RS_ENCRYPTION_KEY_TYPE', value);
    return { why: 'a symmetric key is not supported. Make a new one: oidc-rs keygen' };
  },
  ...renamed('OIDC_ESSENTIAL_CLAIMS', 'OIDC_USERINFO_ESSENTIAL_CLAIMS'),
  ...renamed('OIDC_FIELDS_TO_FULLNAME', 'OIDC_USERINFO_FULLNAME_FIELDS'),
  ...renamed('OIDC_FIELD_TO_SHORTNAME', 'OIDC_USERINFO_SHORTNAME_FIELD'),
};

/** Settings of the login module for which something here does what people look for. */
export const INSTEAD: Readonly<Record<string, string>> = {
  OIDC_CREATE_USER:
    "it is the login's. Here OIDC_RS_CREATE_USER=true creates people, and nobody is created without it.",
  OIDC_FALLBACK_TO_EMAIL_FOR_IDENTIFICATION:
    'OIDC_RS_FALLBACK_TO_EMAIL=true links people by a verified e-mail address, once.',
  OIDC_USER_SUB_FIELD: 'it is the option columns.subject of KyselyUserStore.',
  OIDC_USERNAME_ALGO: 'it is the option initial of KyselyUserStore, or the hook createUser.',
  OIDC_DRF_AUTH_BACKEND: 'it is OIDC_RS_BACKEND_CLASS.',
  OIDC_TOKEN_USE_BASIC_AUTH:
    "it is the login's. OIDC_RS_CLIENT_AUTH_METHOD says how this API sends its secret.",
  OIDC_RP_SIGN_ALGO: "it is the login's. OIDC_RS_SIGNING_ALGO says what signs the answers to this API.",
  OIDC_RP_IDP_SIGN_KEY: 'keys are fetched from OIDC_OP_JWKS_ENDPOINT.',
};

/** Carries a value over as it is, in this package's spelling. */
export function carry(name: string, value: unknown): Outcome {
  const definition = SCHEMA[name];
  if (definition === undefined) return { why: 'there is no such setting here.' };
  if (typeof value === 'object' && !Array.isArray(value)) return { why: 'it is a dictionary there.' };
  const text = written(value);
  try {
    definition.format.read(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { why: `${error.message}.` };
  }
  return { settings: { [name]: text } };
}

function renamed(old: string, name: string): Record<string, (value: unknown) => Outcome> {
  const rule = (value: unknown): Outcome => ({ ...carry(name, value), note: `${old} is ${name} here.` });
  return { [old]: rule, [`USER_${old}`]: rule };
}

function written(value: unknown): string {
  if (!Array.isArray(value)) return String(value).trim();
  const items = value.map(String);
  return items.some((item) => /[\s,"'[\](){}]/.test(item)) ? JSON.stringify(items) : items.join(',');
}
