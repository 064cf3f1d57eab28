import { randomInt } from 'node:crypto'
import type { Ids } from '../ids.ts'
import type { ServerTime, TimeUs } from '../times.ts'
import type { FileNode } from './tree.ts'

export interface Share {
  readonly number: number
  readonly id: string
  readonly ownerNumber: number
  readonly node: FileNode
  readonly createdUs: TimeUs
  readonly isPrivate: boolean
  /** Empty: public. */
  readonly password: string
  expiresUs: TimeUs | undefined
  /** Undefined: unlimited. */
  remainingDownloads: number | undefined
  downloaded: number
  visited: number
  showView: boolean
  showReadme: boolean
}

export interface DirectLink {
  readonly number: number
  readonly id: string
  readonly ownerNumber: number
  readonly node: FileNode
  readonly name: string
  readonly createdUs: TimeUs
  downloaded: number
}

type NewShare = Omit<Share, 'number' | 'id' | 'createdUs' | 'downloaded' | 'visited'> &
  Partial<Pick<Share, 'createdUs' | 'visited'>>

/** Share links and direct links. */
export class Shares {
  readonly #ids: Ids
  readonly #time: ServerTime
  readonly #shares = new Map<number, Share>()
  readonly #links = new Map<number, DirectLink>()
  #lastShare = 0
  #lastLink = 0

  constructor(ids: Ids, time: ServerTime) {
    this.#ids = ids
    this.#time = time
  }

  add(fields: NewShare): Share {
    const number = (this.#lastShare += 1)
    const id = this.#ids.encode('share', number)
    const share = { createdUs: this.#time.stampUs(), visited: 0, ...fields, number, id, downloaded: 0 }
    this.#shares.set(number, share)
    return share
  }

  /** Expired ones too; undefined when there is none of this id. */
  find(id: string): Share | undefined {
    const number = this.#ids.decode('share', id)
    return number === undefined ? undefined : this.#shares.get(number)
  }

  /** Expired or used up. */
  isOver({ expiresUs, remainingDownloads }: Share): boolean {
    return (
      (expiresUs !== undefined && this.#time.nowMs() * 1000 >= expiresUs) ||
      (remainingDownloads !== undefined && remainingDownloads <= 0)
    )
  }

  ofNode(node: FileNode): Share[] {
    return [...this.#shares.values()].filter((share) => share.node === node)
  }

  ofOwner(ownerNumber: number): Share[] {
    return [...this.#shares.values()].filter((share) => share.ownerNumber === ownerNumber)
  }

  remove(share: Share): void {
    this.#shares.delete(share.number)
  }

  /** The link of this file and name: made once, then the same again. */
  link(node: FileNode): DirectLink {
    const known = [...this.#links.values()].find((link) => link.node === node && link.name === node.name)
    if (known) return known
    const number = (this.#lastLink += 1)
    const link: DirectLink = {
      number,
      id: this.#ids.encode('directLink', number),
      ownerNumber: node.ownerNumber,
      node,
      name: node.name,
      createdUs: this.#time.stampUs(),
      downloaded: 0,
    }
    this.#links.set(number, link)
    return link
  }

  findLink(id: string): DirectLink | undefined {
    const number = this.#ids.decode('directLink', id)
    return number === undefined ? undefined : this.#links.get(number)
  }

  linksOf(node: FileNode): DirectLink[] {
    return [...this.#links.values()].filter((link) => link.node === node)
  }

  removeLink(link: DirectLink): void {
    this.#links.delete(link.number)
  }

  /** What points at a file that is deleted for good goes with it. */
  forgetNode(node: FileNode): void {
    for (const share of this.ofNode(node)) this.remove(share)
    for (const link of this.linksOf(node)) this.removeLink(link)
  }
}

/** The password that the server makes when a private share is made without one. */
export function randomSharePassword(): string {
  return Array.from({ length: 8 }, () => String.fromCharCode(97 + randomInt(26))).join('')
}
