import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { authenticationOf, ResourceServerGuard } from 'oidc-resource-server/nest';

// #region guard
/** The request, as @nestjs/graphql on Express puts it into the third argument of every resolver. */
function requestOf(context: ExecutionContext): object {
  return context.getArgByIndex<{ req: object }>(2).req;
}

export class GraphqlGuard extends ResourceServerGuard {
  protected override getRequest(context: ExecutionContext): object | undefined {
    return context.getType<string>() === 'graphql' ? requestOf(context) : super.getRequest(context);
  }
}

export const GraphqlUser = createParamDecorator(
  (_data: unknown, context: ExecutionContext) => authenticationOf(requestOf(context))?.user,
);
// #endregion guard
