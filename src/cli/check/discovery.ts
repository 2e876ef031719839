import { issuerProblem, metadataUrls } from '../../authorization-server/metadata-document.ts';
import { metadataWarnings } from '../../authorization-server/metadata-warnings.ts';
import { parseJsonObject } from '../../authorization-server/exchange.ts';
import { printable } from '../terminal.ts';
import { type Check, type CheckContext, fail, type Finding, pass, skip, warn } from './check.ts';
import { explain } from './explain.ts';

/** What the authorization server publishes about itself: that it does, that it is the one we mean, and what it offers. */
export const discovery: Check = {
  name: 'discovery',
  async run(context) {
    const { reading, exchange } = context;
    const { settings } = reading;
    if (settings.OIDC_OP_URL === undefined) return [skip('OIDC_OP_URL is missing.')];
    for (const url of metadataUrls(settings)) {
      let response;
      try {
        response = await exchange.send({ method: 'GET', url, headers: { accept: 'application/json' } });
      } catch (error) {
        const why = explain(error);
        const remedy = why.includes('TLS')
          ? "Set OIDC_CA_FILE to the certificate of the authority that signed the server's."
          : 'Start the authorization server, or correct OIDC_OP_URL.';
        return [fail(`${url}: ${why}`, remedy)];
      }
      if (response.status === 404) continue;
      const document = response.status === 200 ? parseJsonObject(response.body) : undefined;
      if (document === undefined) {
        const found =
          response.status === 200 ? 'what is no JSON object' : `status ${String(response.status)}`;
        return [
          fail(
            `${url} answered ${found}.`,
            'OIDC_OP_URL must be the issuer: the URL by which the server calls itself.',
          ),
        ];
      }
      return judged(url, document, context);
    }
    return [nowhere(settings.OIDC_OP_INTROSPECTION_ENDPOINT)];
  },
};

function nowhere(introspectionEndpoint: string | undefined): Finding {
  const message = 'The authorization server publishes no metadata below OIDC_OP_URL.';
  if (introspectionEndpoint !== undefined) {
    return warn(
      message,
      'The endpoints of the settings are used. Whether OIDC_OP_URL is the right issuer shows with the first token.',
    );
  }
  return fail(
    message,
    'Correct OIDC_OP_URL; of a server that publishes none, set OIDC_OP_INTROSPECTION_ENDPOINT.',
  );
}

function judged(url: string, document: Record<string, unknown>, context: CheckContext): readonly Finding[] {
  const { settings } = context.reading;
  if (issuerProblem(document, settings.OIDC_OP_URL) !== undefined) {
    const issuer = printable(document.issuer);
    return [
      fail(
        `The authorization server calls itself ${issuer}, and OIDC_OP_URL is ${String(settings.OIDC_OP_URL)}. They are compared character by character.`,
        settings.OIDC_OP_INTERNAL_URL === undefined
          ? `Set OIDC_OP_URL=${issuer} if that is the server you mean; where it is reached under another address, set OIDC_OP_INTERNAL_URL to that.`
          : `Set OIDC_OP_URL=${issuer} if that is the server you mean.`,
      ),
    ];
  }
  context.document = document;
  return [
    pass(`${url} names exactly the issuer of OIDC_OP_URL.`),
    ...metadataWarnings(document, settings).map((text) =>
      warn(`${text}.`, 'Change the setting or the registration, so that they agree.'),
    ),
  ];
}
