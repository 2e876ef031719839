/** What the process ends with. Documented in the guide and in `--help`. */
export const EXIT = {
  /** All is well: no check failed, the token is let in, the server stopped as it was told. */
  ok: 0,
  /** A check failed, or the token is refused. */
  failed: 1,
  /** The command line or the settings are wrong. Nothing was asked. */
  usage: 2,
  /** Nobody can tell: the authorization server or the user store gave no believable answer. */
  unavailable: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command line cannot be carried out as it is. Its message says what to write instead; the process ends with 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
