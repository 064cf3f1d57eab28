/** The far end of `hostInThread`: an account host that is spoken to by calls between threads. */
import type { AccountHost, HostedMount } from './account-host.ts'
import type { ControlCall, ControlMethod, ControlMethods, Json, MountSpec } from '../spec.ts'

/** What the near end must know of a mount to speak for it. */
export interface MountDescription {
  readonly id: number
  readonly mountpoint: string
  readonly driver: HostedMount['driver']
  readonly notes: readonly string[]
  readonly methods: readonly string[]
}

/** Calls by which a host is used; parameters and results are told by `hostInThread`. */
export function hostCalls(signIn: (spec: MountSpec) => Promise<AccountHost>): ControlMethods {
  const mounts = new Map<number, HostedMount>()
  let host: AccountHost | undefined
  let nextId = 1
  /** A call about the mount that its parameter `id` names. */
  const ofMount =
    (run: (mounted: HostedMount, call: ControlCall) => Promise<unknown>): ControlMethod =>
    async (call) => {
      const { id } = call.params as { readonly id: number }
      const mounted = mounts.get(id)
      if (!mounted) throw new Error(`there is no mount ${id}`)
      return ((await run(mounted, call)) ?? null) as Json
    }
  return {
    async signIn({ params }) {
      host = await signIn((params as unknown as { spec: MountSpec }).spec)
      return { accountId: host.accountId, account: host.account }
    },
    async mount({ params }) {
      if (!host) throw new Error('nobody has signed in')
      const mounted = await host.mount((params as unknown as { spec: MountSpec }).spec)
      const id = nextId++
      mounts.set(id, mounted)
      return describe(id, mounted) as unknown as Json
    },
    closed: ofMount((mounted) => mounted.closed),
    unmount: ofMount((mounted) => mounted.unmount()),
    drain: ofMount((mounted, { progress, signal }) => mounted.drain(progress, signal)),
    closeMount: ofMount(async (mounted, { params }) => {
      mounts.delete((params as { readonly id: number }).id)
      await mounted.close()
    }),
    ask: ofMount((mounted, { params, signal, progress }) => {
      const { method, params: asked } = params as { readonly method: string; readonly params: Json }
      return mounted.methods[method]!({ params: asked, signal, progress })
    }),
    close: async () => {
      await host?.close()
      return null
    },
  }
}

function describe(id: number, { mountpoint, driver, notes, methods }: HostedMount): MountDescription {
  const { name, capabilities } = driver
  return { id, mountpoint, driver: { name, capabilities }, notes, methods: Object.keys(methods) }
}
