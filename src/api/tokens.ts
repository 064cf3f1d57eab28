/** A token of the server with the instant at which the server stops to know it. */
export interface AccessToken {
  readonly value: string
  /** ms since the epoch by the server's clock. */
  readonly expiresAtMs: number
}

/**
 * What the client needs to speak for a user. An expired token is not refused: the server goes on as for an anonymous
 * visitor (api/01 §9.4), so freshness is judged here, before sending.
 */
export interface TokenSource {
  /**
   * A token that will be good for the next minute or so; refreshed first when needed, one refresh at a time.
   * @throws {ApiError} `signed-out` when the server does not renew the sign-in
   */
  current(): Promise<AccessToken>
  /** Another token than `rejected`, which the server did not recognise. */
  renew(rejected: AccessToken): Promise<AccessToken>
  /** The server may have seen `token` as expired, judged by its own clock. */
  isDoubtful(token: AccessToken): boolean
}
