import { type Check, fail, pass, warn } from './check.ts';

/** Every problem that would keep the resource server from starting, and every warning of its start. */
export const settings: Check = {
  name: 'settings',
  run: ({ problems, reading, composition }) => {
    const warnings = reading.warnings.map((warning) => warn(`${warning}.`));
    if (problems.length > 0)
      return Promise.resolve([...problems.map((problem) => fail(problem)), ...warnings]);
    if (!reading.settings.OIDC_RESOURCE_SERVER_ENABLED)
      return Promise.resolve([
        warn(
          'OIDC_RESOURCE_SERVER_ENABLED is false: every protected route answers 503.',
          'Set it to true, or leave it out.',
        ),
        ...warnings,
      ]);
    const backend = composition?.backendName ?? reading.settings.OIDC_RS_BACKEND_CLASS;
    return Promise.resolve([pass(`Complete. Requests are let in by ${backend}.`), ...warnings]);
  },
};

/** Whether just any token of the authorization server would be taken. */
export const audience: Check = {
  name: 'audience',
  run: ({ reading }) => {
    const { OIDC_RS_RESOURCE: resource, OIDC_RS_ALLOWED_AUDIENCES: callers } = reading.settings;
    if (resource !== undefined) return Promise.resolve([pass(`Tokens must be meant for ${resource}.`)]);
    if (callers.length > 0)
      return Promise.resolve([pass(`Only these callers may come in: ${callers.join(', ')}.`)]);
    return Promise.resolve([
      warn(
        'Any token of this authorization server is taken, whoever it was issued to and for.',
        "Set OIDC_RS_RESOURCE to this API's identifier, or OIDC_RS_ALLOWED_AUDIENCES to the clients that may call it.",
      ),
    ]);
  },
};
