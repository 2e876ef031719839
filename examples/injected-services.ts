// A backend that needs a service of the application's, taken from the container by a factory.
import type { AddressInfo } from 'node:net';
import express from 'express';
import {
  type BackendDependencies,
  type Claims,
  container,
  createResourceServer,
  IntrospectionResourceServerBackend,
  registerBackend,
} from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';

// #region backend
interface TeamUser {
  readonly subject: string;
  readonly teams: readonly string[];
}

class TeamService {
  /** Stands for a call to a database or another API. */
  teamsOf(subject: string): Promise<readonly string[]> {
    return Promise.resolve(subject === 'alice' ? ['pharmacy'] : []);
  }
}
container.registerInstance(TeamService, new TeamService());

class TeamBackend extends IntrospectionResourceServerBackend<TeamUser> {
  readonly #teams: TeamService;

  constructor(dependencies: BackendDependencies<TeamUser>, teams: TeamService) {
    super(dependencies);
    this.#teams = teams;
  }

  /** Whoever is in no team is refused. */
  override async getOrCreateUser(claims: Claims): Promise<TeamUser | undefined> {
    const subject = claims.sub as string;
    const teams = await this.#teams.teamsOf(subject);
    return teams.length > 0 ? { subject, teams } : undefined;
  }
}

registerBackend('TeamBackend', {
  useFactory: (dependencies: BackendDependencies<TeamUser>, scope) =>
    new TeamBackend(dependencies, scope.resolve(TeamService)),
}); // OIDC_RS_BACKEND_CLASS=TeamBackend
// #endregion backend

export const resourceServer = await createResourceServer<TeamUser>();

const app = express();
app.use(resourceServerRouter(resourceServer));

const member = authenticate(resourceServer, { scopes: ['groups'] });
app.get('/me', member, (request, response) => {
  response.json(member.of(request).user);
});

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
