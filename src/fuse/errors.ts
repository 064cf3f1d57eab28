/** A folder that cannot be mounted or unmounted: a sentence for a person, with the remedy. */
export class DriverError extends Error {
  override readonly name = 'DriverError'
}
