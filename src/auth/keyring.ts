import type { Keyring } from './secret-vault.ts'

const SERVICE = 'cloudreve-mount'
/** The kernel's keyring, the package's own fallback, forgets everything at a restart. */
const LASTING_STORE = { linux: { store: 'secret-service' } } as const

/** The desktop's secret service (GNOME Keyring, KWallet). Each call fails where there is none. */
export const desktopKeyring: Keyring = {
  async get(name) {
    return (await (await entry(name)).getPassword()) ?? undefined
  },
  async set(name, secret) {
    await (await entry(name)).setPassword(secret)
  },
  async remove(name) {
    await (await entry(name)).deleteCredential()
  },
}

async function entry(name: string) {
  // Loaded when needed: without its binary for this machine everything else works.
  const { AsyncEntry } = await import('@napi-rs/keyring')
  return new AsyncEntry(SERVICE, name, LASTING_STORE)
}
