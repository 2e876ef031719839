import { type ArgumentsHost, Catch, Logger } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { ResourceServerException } from 'oidc-resource-server/nest';

// #region filter
@Catch(ResourceServerException)
export class RefusalFilter extends BaseExceptionFilter {
  readonly #logger = new Logger(RefusalFilter.name);

  override catch(exception: ResourceServerException, host: ArgumentsHost): void {
    this.#logger.warn(
      `Refused with ${exception.getStatus()}: ${exception.cause?.code ?? 'an error of a hook'}`,
    );
    super.catch(exception, host); // Answers as every other framework would.
  }
}
// #endregion filter
