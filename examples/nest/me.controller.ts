// #region controller
import { Controller, Get } from '@nestjs/common';
import type { ClaimsUser } from 'oidc-resource-server';
import { CurrentUser, Public, Requires } from 'oidc-resource-server/nest';

@Controller()
export class MeController {
  @Get('me')
  @Requires({ scopes: ['groups'] })
  me(@CurrentUser() user: ClaimsUser): ClaimsUser {
    return user;
  }

  @Get('status')
  @Public()
  status(): { up: boolean } {
    return { up: true };
  }
}
// #endregion controller
