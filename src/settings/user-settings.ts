import type { SettingDefinition } from './definition.ts';
import { list, seconds, trueOrFalse, word } from './formats.ts';

/** The settings about the person behind a token. */
export const userSettings = {
  OIDC_RS_CREATE_USER: {
    doc: 'Whether a person whom the user store does not know is created there. The login module has a setting of its own, `OIDC_CREATE_USER`, which means nothing here: a settings file that is carried over must not start to create people.',
    format: trueOrFalse,
    default: false,
    example: 'true',
    ours: true,
  },
  OIDC_RS_FALLBACK_TO_EMAIL: {
    doc: 'Whether a person whom the user store does not know becomes the one user with the same e-mail address and without a subject yet. Only a verified address counts (`email_verified` is `true`).',
    format: trueOrFalse,
    default: false,
    example: 'true',
    ours: true,
  },
  OIDC_RS_USERINFO_MAX_AGE: {
    doc: 'After how many seconds the user endpoint is asked again about a user who is known. `0`: never, only when a user is created.',
    format: seconds(0, 31_536_000),
    default: 0,
    example: '86400',
    ours: true,
  },
  OIDC_USERINFO_ESSENTIAL_CLAIMS: {
    doc: 'Claims without which no user is created.',
    format: list,
    default: [],
    example: 'email,given_name',
  },
  OIDC_USERINFO_FULLNAME_FIELDS: {
    doc: "Claims that make the user's full name, joined by blanks. Empty: the claim `name`.",
    format: list,
    default: [],
    example: 'given_name,usual_name',
  },
  OIDC_USERINFO_SHORTNAME_FIELD: {
    doc: "The claim that is the user's short name.",
    format: word,
    default: undefined,
    example: 'given_name',
  },
} as const satisfies Record<string, SettingDefinition>;
