/** What each bit of a capability set allows (api/03 §1.5); bits are numbered from the lowest of the first byte on. */
const WORDS = [
  'create',
  'rename',
  'set permissions',
  'move within the drive',
  'move to a share',
  'move to the trash',
  'upload',
  'download',
  'set metadata',
  'list',
  'make thumbnails',
  'copy within the drive',
  'copy to a share',
  'copy to the trash',
  'delete for good',
  'lock',
  'delete to the trash',
  'restore',
  'share',
  'show details',
  'manage versions',
  'mount a storage policy',
  'move to another storage policy',
  'enter',
  'change the view',
] as const

/** `create, rename, …` for a capability set in base64; bits without a name are shown by number. */
export function capabilityWords(base64: string): string {
  const bytes = Buffer.from(base64, 'base64')
  const words: string[] = []
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    if (isSet(bytes, bit)) words.push(WORDS[bit] ?? `capability ${bit}`)
  }
  return words.length > 0 ? words.join(', ') : 'nothing'
}

/** Whether a capability set allows it; one that is empty says nothing, so that the server has to be asked. */
export function mayDo(base64: string, what: (typeof WORDS)[number]): boolean {
  return base64 === '' || isSet(Buffer.from(base64, 'base64'), WORDS.indexOf(what))
}

function isSet(bytes: Uint8Array, bit: number): boolean {
  return ((bytes[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0
}
