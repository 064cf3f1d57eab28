/** Something that a person wrote cannot be understood: the message says where, what and what would do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}
