/**
 * An error of Secrets Manager: `type` is sent as `__type`, with HTTP status 400 by default. Its message never has a
 * secret's value.
 */
export class SecretsManagerError extends Error {
  readonly type: string;
  readonly status: number;

  constructor(type: string, message: string, status = 400) {
    super(message);
    this.name = "SecretsManagerError";
    this.type = type;
    this.status = status;
  }
}

const error = (type: string) => (message: string) => new SecretsManagerError(type, message);

export const invalidParameter = error("InvalidParameterException");
export const invalidRequest = error("InvalidRequestException");
export const notFound = error("ResourceNotFoundException");
export const resourceExists = error("ResourceExistsException");
export const serialization = error("SerializationException");
export const validation = error("ValidationException");
