import type { Node, NodePlace } from '../inode/index.ts'

/** What has which name at the server, of some files and folders that programs see elsewhere, or not at all. */
export class NamesAtServer {
  readonly #names = new Map<Node, Map<string, Node>>()

  at(folder: Node, name: string): Node | undefined {
    return this.#names.get(folder)?.get(name)
  }

  allIn(folder: Node): Node[] {
    return [...(this.#names.get(folder)?.values() ?? [])]
  }

  add(node: Node, { parent, name }: NodePlace): void {
    if (!this.#names.has(parent)) this.#names.set(parent, new Map())
    this.#names.get(parent)!.set(name, node)
  }

  remove(node: Node, { parent, name }: NodePlace): void {
    const names = this.#names.get(parent)
    if (names?.get(name) === node) names.delete(name)
    if (names?.size === 0) this.#names.delete(parent)
  }
}
