import { endpoints } from 'oidc-resource-server/fetch';
import { resourceServer } from '../../resource-server.ts';

export const GET = endpoints(resourceServer);
