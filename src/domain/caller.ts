/** Who asked, as a verified token says. */
export interface Caller {
  readonly subject: string;
  readonly issuer: string;
}
