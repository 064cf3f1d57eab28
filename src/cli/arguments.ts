import { InvalidArgumentError } from 'commander'
import { durationType, sizeType, type OptionType } from '../config/option-type.ts'

/** A whole number from 1 on. */
export function parseCount(text: string): number {
  const value = Number(text)
  if (!/^\d{1,9}$/.test(text) || value < 1)
    throw new InvalidArgumentError('It must be a whole number from 1 on.')
  return value
}

/** A folder, as it was typed: an address in its place is told from one, before it is taken for a path. */
export function parseMountpoint(text: string): string {
  if (!/^(?:https?|cloudreve):\/\//i.test(text)) return text
  throw new InvalidArgumentError(
    'It must be a folder of this machine: "cloudreve-mount login <address>" signs in at a server, "cloudreve-mount <folder>" ' +
      'then mounts it, and --root takes the address of a shared link.',
  )
}

/** A TCP port; 0 lets the system choose. */
export function parsePort(text: string): number {
  const value = Number(text)
  if (!/^\d{1,5}$/.test(text) || value > 65_535)
    throw new InvalidArgumentError('It must be a port, 0 to 65535.')
  return value
}

/** ms, from text such as `20ms` or `10m`. */
export const parseDuration = (text: string): number => parseAs(durationType, text)

/** Bytes, from text such as `10MiB`. */
export const parseSize = (text: string): number => parseAs(sizeType, text)

function parseAs<T>(type: OptionType<T>, text: string): T {
  const value = type.parse(text)
  if (value === undefined) throw new InvalidArgumentError(`It must be ${type.expects}.`)
  return value
}
