import { recoverMountpoint } from '../recover-mountpoint.ts'
import { listRunning } from '../registry.ts'
import type { Compose, ComposeParts, Composition, Prepared } from '../composition.ts'
import type { MountSpec } from '../spec.ts'
import type { AccountHost, HostedMount } from './account-host.ts'

/**
 * Serves the account in the thread that calls it, which must not touch the mounted folders synchronously.
 *
 * @throws an error whose message is a sentence, when the account cannot sign in
 */
export async function hostHere(
  spec: MountSpec,
  { compose, ...parts }: ComposeParts & { readonly compose: Compose },
): Promise<AccountHost> {
  const prepared = await compose(spec, parts)
  const { accountId, account } = prepared
  return {
    accountId,
    account,
    mount: (asked) => mountHere(asked, prepared, parts),
    close: async () => prepared.close?.(),
    // It shares the fate of its process.
    lost: new Promise<never>(() => undefined),
  }
}

async function mountHere(spec: MountSpec, prepared: Prepared, parts: ComposeParts): Promise<HostedMount> {
  const composition = await prepared.mount(spec)
  try {
    return await mountComposition(spec, composition, parts)
  } catch (error) {
    await composition.close()
    throw error
  }
}

async function mountComposition(
  { mountpoint, readOnly, runtimeFolder }: MountSpec,
  composition: Composition,
  parts: ComposeParts,
): Promise<HostedMount> {
  const isServed = async () => {
    const running = await listRunning(runtimeFolder)
    return running.some((mount) => mount.mountpoint === mountpoint && mount.state === 'mounted')
  }
  await recoverMountpoint(mountpoint, { ...parts, isServed })
  const { driver, fileSystem, driverOptions, methods, notes = [] } = composition
  const mounted = await driver.mount(fileSystem, { ...driverOptions, mountpoint, readOnly })
  const { name, capabilities } = driver
  return {
    mountpoint: mounted.mountpoint,
    closed: mounted.closed,
    unmount: () => mounted.unmount(),
    driver: { name, capabilities },
    notes,
    methods,
    drain: (onProgress, signal) => composition.drain(onProgress, signal),
    close: () => composition.close(),
  }
}
