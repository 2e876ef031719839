import { ENDPOINTS, type EndpointSetting, endpointOf } from '../../authorization-server/metadata-document.ts';
import type { HttpResponse } from '../../http/http-adapter.ts';
import { isPlainHttp } from '../../settings/formats.ts';
import { type Check, type CheckContext, fail, type Finding, pass, skip, warn } from './check.ts';
import { explain } from './explain.ts';

const ASKED = ['OIDC_OP_INTROSPECTION_ENDPOINT', 'OIDC_OP_JWKS_ENDPOINT', 'OIDC_OP_USER_ENDPOINT'] as const;

/** Whether each endpoint can be reached, over TLS where it is another machine. What it answers is for other checks. */
export const endpoints: Check = {
  name: 'endpoints',
  async run(context) {
    const found: Finding[] = [];
    for (const setting of ASKED) {
      const url = addressOf(setting, context);
      if (url !== undefined) found.push(typeof url === 'string' ? await reach(setting, url, context) : url);
    }
    return found.length > 0 ? found : [skip('No endpoint is known.')];
  },
};

/** An endpoint's address, by the settings or by the metadata. */
export function addressOf(setting: EndpointSetting, context: CheckContext): string | Finding | undefined {
  const { settings } = context.reading;
  if (settings[setting] !== undefined) return settings[setting];
  try {
    return context.document && endpointOf(context.document, setting, settings);
  } catch (error) {
    return fail(
      `The metadata's ${ENDPOINTS[setting]} ${(error as Error).message}.`,
      `Set ${setting}, or correct the server.`,
    );
  }
}

async function reach(setting: EndpointSetting, url: string, context: CheckContext): Promise<Finding> {
  let response: HttpResponse;
  try {
    response = await context.exchange.send({ method: 'GET', url, headers: { accept: '*/*' } });
  } catch (error) {
    return fail(`${setting} (${url}): ${explain(error)}`);
  }
  const secured = url.startsWith('https:');
  if (!secured && isPlainHttp(url)) {
    return warn(
      `${setting} (${url}) answers, unencrypted.`,
      'Others on the way read tokens and the client secret: use https://.',
    );
  }
  const how = secured ? 'over TLS' : 'on this machine';
  // Whatever the status: an endpoint that takes POST alone may answer a GET in any way.
  return response.status >= 500
    ? fail(
        `${setting} (${url}) answers with status ${String(response.status)}.`,
        'Look into the log of the authorization server.',
      )
    : pass(`${setting} (${url}) is reached ${how}.`);
}
