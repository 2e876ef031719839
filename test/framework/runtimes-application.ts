// A small application on Bun.serve or Deno.serve, whichever there is. runtimes.test.ts starts it in a process of its own.
import { createResourceServer, FetchHttpAdapter } from 'oidc-resource-server';
import { endpoints, protect } from 'oidc-resource-server/fetch';

type Serve = (options: {
  port: number;
  hostname: string;
  fetch(request: Request): Response | Promise<Response>;
}) => { port: number };
declare const Bun: { serve: Serve } | undefined;
declare const Deno:
  | {
      serve(
        options: object,
        handler: (request: Request) => Response | Promise<Response>,
      ): { addr: { port: number } };
    }
  | undefined;

const resourceServer = await createResourceServer(
  process.env.ADAPTER === 'FetchHttpAdapter' ? { http: new FetchHttpAdapter() } : {},
);
const published = endpoints(resourceServer);
const me = protect(resourceServer, { scopes: ['groups'] }, (_request, auth) =>
  Response.json({ subject: auth.user.subject }),
);
const away = protect(resourceServer, {}, () => Response.redirect('https://elsewhere.example.com/'));

const fetch = (request: Request): Response | Promise<Response> => {
  const { pathname } = new URL(request.url);
  if (pathname === '/me') return me(request);
  if (pathname === '/away') return away(request);
  return published(request) ?? new Response(null, { status: 404 });
};

const address = { port: 0, hostname: '127.0.0.1' };
const port =
  typeof Bun === 'undefined'
    ? Deno?.serve({ ...address, onListen: () => undefined }, fetch).addr.port
    : Bun.serve({ ...address, fetch }).port;
console.log(`Listening on http://localhost:${String(port)}`);
