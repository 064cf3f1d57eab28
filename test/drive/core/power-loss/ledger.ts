/** A file or folder, and all that it may be found to be after power loss. */
export class Thing {
  readonly kind: 'file' | 'folder'
  /** Whole contents, oldest first; the last one is what a program reads. */
  readonly texts: string[]
  /** The last of `texts` that a `close` or `fsync` has promised. */
  promised: number
  isDirty = false
  place: Place | undefined
  mode: number
  note = 'none'
  /** All of these since the last promise, the present one included; undefined: deleted, or not there yet. */
  places = new Set<Place | undefined>()
  attributes = new Set<string>()
  /** Every path that it was given. */
  readonly names = new Set<string>()
  /** Contents of what had its name earlier: the server may still show them there, until it has heard of this one. */
  readonly former = new Set<string>()

  constructor(kind: Thing['kind'], place: Place, { text = '', isPromised = false, mode = 0o644 } = {}) {
    this.kind = kind
    this.texts = [text]
    this.promised = isPromised ? 0 : -1
    this.place = place
    this.mode = mode
    this.places.add(place)
    if (!isPromised) this.places.add(undefined)
    this.attributes.add(this.attributeText)
  }

  get text(): string {
    return this.texts.at(-1)!
  }

  get attributeText(): string {
    return `mode ${this.mode.toString(8)}, note ${this.note}`
  }

  changed(text: string): void {
    this.texts.push(text)
    this.isDirty = true
  }

  /** Every path that it may have now. */
  paths(above: ReadonlySet<Thing> = new Set()): Set<string> {
    const found = new Set<string>()
    if (above.has(this)) return found
    for (const place of this.places) {
      if (!place) continue
      const folders = place.parent ? place.parent.paths(new Set([...above, this])) : ['']
      for (const folder of folders) found.add(`${folder}${folder && '/'}${place.name}`)
    }
    return found
  }

  get path(): string | undefined {
    if (!this.place) return undefined
    const { parent, name } = this.place
    return parent ? `${parent.path}/${name}` : name
  }
}

export interface Place {
  readonly parent: Thing | undefined
  readonly name: string
}

/** What is shown at a path. */
export interface Shown {
  readonly kind: 'file' | 'folder'
  readonly text: string
  readonly attributes: string
}

/** What the server has, in files that were not deleted. */
type ServerTexts = ReadonlySet<string>

/** What programs were told, and so what may be found when the power went. */
export class PowerLossLedger {
  readonly #things = new Set<Thing>()
  /** Every whole content that there ever was. */
  readonly #whole = new Set<string>([''])

  at(path: string): Thing | undefined {
    return [...this.#things].find((thing) => thing.path === path)
  }

  childrenOf(folder: Thing): Thing[] {
    return [...this.#things].filter(({ place }) => place?.parent === folder)
  }

  isWhole(text: string): boolean {
    return this.#whole.has(text)
  }

  /** Something new. */
  add(kind: Thing['kind'], path: string, options: ConstructorParameters<typeof Thing>[2] = {}): Thing {
    const thing = new Thing(kind, this.#place(path), options)
    this.#takesOver(thing)
    this.#things.add(thing)
    this.#whole.add(thing.text)
    return thing
  }

  change(thing: Thing, text: string): void {
    thing.changed(text)
    this.#whole.add(text)
  }

  move(thing: Thing, to: string): void {
    this.remove(this.at(to))
    thing.place = this.#place(to)
    thing.places.add(thing.place)
    this.#takesOver(thing)
  }

  remove(thing: Thing | undefined): void {
    if (!thing) return
    thing.place = undefined
    thing.places.add(undefined)
  }

  setAttributes(thing: Thing, changes: Partial<Pick<Thing, 'mode' | 'note'>>): void {
    Object.assign(thing, changes)
    thing.attributes.add(thing.attributeText)
  }

  /** The content of `thing` survives power loss, and so does every name. */
  promise(thing?: Thing): void {
    if (thing) {
      thing.promised = thing.texts.length - 1
      thing.isDirty = false
    }
    for (const one of this.#things) {
      one.places = new Set([one.place])
      one.attributes = new Set([one.attributeText])
    }
  }

  /** What has to be shown exactly, as no power was lost. */
  get expected(): Map<string, Shown> {
    const present = [...this.#things].filter(({ place }) => place)
    return new Map(
      present.map((thing) => [
        thing.path!,
        { kind: thing.kind, text: thing.kind === 'file' ? thing.text : '', attributes: thing.attributeText },
      ]),
    )
  }

  /** Sentences about what is wrong with what is shown after power loss. */
  judge(view: ReadonlyMap<string, Shown>, atServer: ServerTexts, isSomethingLost: boolean): string[] {
    const complaints: string[] = []
    const texts = new Set([...view.values()].map(({ text }) => text))
    for (const [path, shown] of view)
      if (![...this.#things].some((thing) => mayBe(thing, path, shown, atServer)))
        complaints.push(`${path} is ${nameOf(shown)}, which it never was since the last promise`)
    for (const thing of this.#things) {
      const found = [...view].filter(([path, shown]) => mayBe(thing, path, shown, atServer))
      const alone = found.filter(
        ([path, shown]) =>
          ![...this.#things].some((other) => other !== thing && mayBe(other, path, shown, atServer)),
      )
      if (found.length === 0 && !mayBeAbsent(thing, atServer))
        complaints.push(`${described(thing)} is missing`)
      const since = thing.texts.slice(Math.max(0, thing.promised))
      const isKept = since.some((text) => texts.has(text) || atServer.has(text))
      if (thing.promised >= 0 && !thing.places.has(undefined) && !isKept && !isSomethingLost)
        complaints.push(`what was promised of ${described(thing)} is not in lost+found`)
      if (alone.length > 1 && !thing.isDirty)
        complaints.push(`${described(thing)} is there twice: ${alone.map(([path]) => path).join(', ')}`)
    }
    return complaints
  }

  /** From now on what was found is what was promised. */
  found(view: ReadonlyMap<string, Shown>): void {
    const before = [...this.#things]
    this.#things.clear()
    for (const [path, { kind, text, attributes }] of [...view].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const thing = this.add(kind, path, { text, isPromised: true })
      const [, mode, note] = /^mode (\d+), note (.*)$/.exec(attributes)!
      Object.assign(thing, { mode: Number.parseInt(mode!, 8), note })
      for (const old of before)
        if (old.paths().has(path)) for (const text of [...old.texts, ...old.former]) thing.former.add(text)
    }
    this.promise()
  }

  #place(path: string): Place {
    const names = path.split('/')
    const name = names.pop()!
    return { parent: names.length > 0 ? this.at(names.join('/')) : undefined, name }
  }

  #takesOver(thing: Thing): void {
    const paths = thing.paths()
    thing.names.add(thing.path!)
    for (const other of this.#things)
      if (other !== thing && [...other.paths(), ...other.names].some((path) => paths.has(path)))
        for (const text of [...other.texts, ...other.former]) thing.former.add(text)
  }
}

function mayBe(thing: Thing, path: string, shown: Shown, atServer: ServerTexts): boolean {
  if (thing.kind !== shown.kind || !thing.paths().has(path)) return false
  if (thing.kind === 'folder') return thing.attributes.has(shown.attributes)
  return mayHold(thing, shown.text, atServer) && (thing.isDirty || thing.attributes.has(shown.attributes))
}

/** Nothing older than what was promised, nor than what the server has; or, where the promised was being changed, what the server has. */
function mayHold(thing: Thing, text: string, atServer: ServerTexts): boolean {
  const sent = thing.texts.findLastIndex((one) => isSent(one, atServer))
  if (thing.texts.lastIndexOf(text) >= Math.max(0, thing.promised, sent)) return true
  return thing.isDirty && atServer.has(text) && (thing.texts.includes(text) || thing.former.has(text))
}

/** Any file may be empty. */
function isSent(text: string, atServer: ServerTexts): boolean {
  return text !== '' && atServer.has(text)
}

function mayBeAbsent(thing: Thing, atServer: ServerTexts): boolean {
  if (thing.places.has(undefined)) return true
  if (thing.kind === 'folder' || !thing.isDirty) return false
  return !thing.texts.some((text) => isSent(text, atServer))
}

function described(thing: Thing): string {
  return `${nameOf({ kind: thing.kind, text: thing.text, attributes: thing.attributeText })} (${[...thing.paths()].join(' or ')})`
}

function nameOf({ kind, text, attributes }: Shown): string {
  return kind === 'folder'
    ? `a folder, ${attributes}`
    : `"${text.slice(0, 12)}" of ${text.length} bytes, ${attributes}`
}
