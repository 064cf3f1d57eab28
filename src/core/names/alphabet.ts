/**
 * Characters that one side can hold and the other cannot, with the look-alike that stands for each.
 *
 * One character marks which of the two is meant. In front of a look-alike a run of marks is read as a number: doubled
 * it means the character itself, doubled and one more means its stand-in. So every name of either side has exactly one
 * name on the other, and a name without any of these characters is the same on both.
 */
export const MARK = '\u{201B}' // single high-reversed-9 quotation mark: next to nobody types it

/** What the server refuses in a name (api/03 §30) and programs on Linux use freely, with its full-width form. */
export const refusedByServer: ReadonlyMap<string, string> = new Map([
  ['"', '\u{FF02}'],
  ['*', '\u{FF0A}'],
  [':', '\u{FF1A}'],
  ['<', '\u{FF1C}'],
  ['>', '\u{FF1E}'],
  ['?', '\u{FF1F}'],
  ['\\', '\u{FF3C}'],
  ['|', '\u{FF5C}'],
])

/** What no name on Linux can hold. A server takes NUL (api/00-live-files §15); `/` would be a defect or an attack. */
export const refusedByLinux: ReadonlyMap<string, string> = new Map([
  ['\u{0}', '\u{2400}'],
  ['/', '\u{FF0F}'],
])
