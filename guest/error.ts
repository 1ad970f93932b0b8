/**
 * The one kind of error that a guest's files can cause: bad sources, bad ELF, an image that does not fit.
 * `message` is one line for stderr; `details` (compiler diagnostics, say) may be many and are printed before it.
 */
export class GuestError extends Error {
  override readonly name = 'GuestError';
  readonly details: string;

  constructor(message: string, details = '') {
    super(message);
    this.details = details;
  }
}
