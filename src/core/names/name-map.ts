import { MARK, refusedByLinux, refusedByServer } from './alphabet.ts'

/** `forbidden` characters become stand-ins; how many marks go before them says which of the two is meant. */
interface Substitution {
  readonly standInOf: ReadonlyMap<string, string>
  readonly forbiddenOf: ReadonlyMap<string, string>
  /** Marks, then a character that is to be replaced. */
  readonly plain: RegExp
  /** Marks, then a stand-in. */
  readonly replaced: RegExp
  /** Marks (0 or 1) besides the doubled ones that mean the forbidden character; the stand-in takes the other number. */
  readonly forbiddenParity: 0 | 1
}

function substitution(standInOf: ReadonlyMap<string, string>, forbiddenParity: 0 | 1): Substitution {
  const forbidden = [...standInOf.keys()].map((char) => `\\u{${char.codePointAt(0)!.toString(16)}}`).join('')
  const standIns = [...standInOf.values()].join('')
  return {
    standInOf,
    forbiddenOf: new Map([...standInOf].map(([char, standIn]) => [standIn, char])),
    plain: new RegExp(`(${MARK}*)([${forbidden}${standIns}])`, 'gu'),
    replaced: new RegExp(`(${MARK}*)([${standIns}])`, 'gu'),
    forbiddenParity,
  }
}

// Colons in names are common and full-width ones rare, so a bare full-width colon on the server is a colon here. NUL and `/`
// are never met in practice, so their stand-ins are left as they are and the odd ones out carry the mark.
const towardsServer = substitution(refusedByServer, 0)
const towardsLinux = substitution(refusedByLinux, 1)

/** Of a name without any of these both sides have the same. */
const touched = new RegExp(
  `[${[...refusedByServer, ...refusedByLinux]
    .flat()
    .map((char) => `\\u{${char.codePointAt(0)!.toString(16)}}`)
    .join('')}]`,
  'u',
)

function replace(name: string, { plain, standInOf, forbiddenParity }: Substitution): string {
  return name.replace(plain, (_, marks: string, char: string) => {
    const standIn = standInOf.get(char)
    const parity = standIn === undefined ? 1 - forbiddenParity : forbiddenParity
    return marks + marks + MARK.repeat(parity) + (standIn ?? char)
  })
}

function restore(name: string, { replaced, forbiddenOf, forbiddenParity }: Substitution): string {
  return name.replace(replaced, (_, marks: string, standIn: string) => {
    const half = marks.slice(0, marks.length >> 1)
    return half + (marks.length % 2 === forbiddenParity ? forbiddenOf.get(standIn) : standIn)
  })
}

/**
 * The server's name of what programs call `posixName` (one path element without `/` and NUL). Undoes `toPosixName`: every
 * such name comes back from exactly one server name.
 */
export function toServerName(posixName: string): string {
  if (!touched.test(posixName)) return posixName
  return replace(restore(posixName, towardsLinux), towardsServer)
}

/**
 * The name under which programs see the server's `serverName` (without the characters that servers refuse). Never holds `/`
 * or NUL, whatever the server said. Undoes `toServerName`.
 */
export function toPosixName(serverName: string): string {
  if (!touched.test(serverName)) return serverName
  return replace(restore(serverName, towardsServer), towardsLinux)
}

/** False for names that no folder can show as an entry: empty, `.` and `..`. A server that sends one is broken or hostile. */
export function canBeShown(serverName: string): boolean {
  return serverName !== '' && serverName !== '.' && serverName !== '..'
}
