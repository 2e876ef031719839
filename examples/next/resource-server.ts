// One for all routes. Next.js loads it in `next build` too, where OIDC_RESOURCE_SERVER_ENABLED=false needs no settings.
import { createResourceServer } from 'oidc-resource-server';

export const resourceServer = await createResourceServer();
