/**
 * Loads a package that only a part of the test kit needs.
 *
 * @throws Error saying what to install where the package is not there; any other failure is handed on as it is
 */
export async function loadOptionalPeer<M>(name: string, user: string, load: () => Promise<M>): Promise<M> {
  try {
    return await load();
  } catch (cause) {
    // Jest has its own error of the same kind, with the code of CommonJS. A package that lacks one of its own parts has
    // another problem, and installing it anew may not be what helps.
    const { code, message } = cause as NodeJS.ErrnoException;
    if (!/^(ERR_)?MODULE_NOT_FOUND$/.test(String(code)) || !message.includes(`'${name}'`)) throw cause;
    throw new Error(`${user} needs the package ${name}. Install it: npm install --save-dev ${name}`, {
      cause,
    });
  }
}
