/** What a mount of the product is made of: account, connection, filesystem and driver, built in this order. */
import { hostname } from 'node:os'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { accountName, AccountStore } from '../auth/account-store.ts'
import { desktopKeyring } from '../auth/keyring.ts'
import { originOf } from '../auth/origin.ts'
import { passwordSession, storedSession, type Session } from '../auth/session.ts'
import { readWrittenOptions } from '../config/parse.ts'
import { accountFolders } from '../config/paths.ts'
import type { MountOptions } from '../config/options.ts'
import { createDrive, type CoreSettings, type Drive } from '../core/index.ts'
import type { FuseDriver } from '../fuse/driver.ts'
import { Libfuse2Driver } from '../fuse/libfuse2/driver.ts'
import { NativeDriver } from '../fuse/native/driver.ts'
import { connectCloudreve } from '../remote/cloudreve/index.ts'
import type { Remote } from '../remote/remote.ts'
import type { ComposeParts, Composition, Prepared } from './composition.ts'
import { driveQuestions, drainDrive } from './drive-questions.ts'
import { explainFailure } from './explain-failure.ts'
import { MountError, type MountSpec, type RunningMount } from './spec.ts'

/** @throws an error whose message is a sentence, when the account cannot sign in */
export async function compose(spec: MountSpec, parts: ComposeParts): Promise<Prepared> {
  const session = await sessionOf(spec, parts)
  const { account } = session
  const explain = (error: unknown): never => {
    throw explainFailure(error, account.url, remedyFor(spec, account.url))
  }
  return {
    accountId: `${account.url} ${account.userId}`,
    account: accountName(account),
    open: (record) => open(spec, parts, { session, record }).catch(explain),
    close: () => session.close(),
  }
}

async function sessionOf(spec: MountSpec, parts: ComposeParts): Promise<Session> {
  if (spec.accountKey === null) return environmentSession(parts)
  return storeSession(spec.accountKey, spec, parts)
}

async function storeSession(key: string, spec: MountSpec, parts: ComposeParts): Promise<Session> {
  const store = new AccountStore({
    folder: spec.stateFolder,
    keyring: desktopKeyring,
    onPlainFile: (path) =>
      parts.log.info('there is no desktop keyring: the sign-in is kept in a file', { path }),
  })
  try {
    return await storedSession(store, await store.find(key), parts)
  } catch (error) {
    throw explainFailure(error, key, 'sign in again')
  }
}

function remedyFor({ accountKey }: Pick<MountSpec, 'accountKey'>, server: string): string {
  return accountKey === null
    ? 'see whether CLOUDREVE_PASSWORD is still right'
    : `sign in again (cloudreve-mount login ${server})`
}

/** The password stays in the environment and in memory: it signs in again when the session ends. */
async function environmentSession(parts: ComposeParts): Promise<Session> {
  const { CLOUDREVE_URL: url, CLOUDREVE_EMAIL: email, CLOUDREVE_PASSWORD: password } = process.env
  if (!url || !email || !password) {
    throw new MountError('CLOUDREVE_URL, CLOUDREVE_EMAIL and CLOUDREVE_PASSWORD must all be set')
  }
  const origin = environmentOrigin(url)
  try {
    return await passwordSession(origin, { email, password }, parts)
  } catch (error) {
    throw explainFailure(error, origin, remedyFor({ accountKey: null }, origin))
  }
}

function environmentOrigin(url: string): string {
  try {
    return originOf(url)
  } catch (error) {
    throw new MountError(
      `CLOUDREVE_URL will not do: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error, kind: 'usage' },
    )
  }
}

async function open(
  spec: MountSpec,
  parts: ComposeParts,
  { session, record }: { session: Session; record: () => RunningMount },
): Promise<Composition> {
  const { account } = session
  const options = readWrittenOptions(spec.options)
  const { stateFolder } = accountFolders(spec, account.url, account.userId)
  await mkdir(stateFolder, { recursive: true, mode: 0o700 })
  const remote = await connect(spec, parts, { session, options })
  const settings = settingsOf(options, remote)
  const driver = driverOf(options, parts)
  const { kernelCache: kernel } = driver
  const coreParts = { ...parts, remote, stateFolder, hostName: hostname(), kernel, settings }
  const drive = await createDrive(coreParts).catch(async (error: unknown) => {
    await remote.close()
    throw error
  })
  return {
    fileSystem: drive.fileSystem,
    driver,
    driverOptions: {
      allowOther: options.allowOther,
      sourceName: account.url,
      entryTtlMs: options.entryTtlMs,
      attrTtlMs: options.attrTtlMs,
    },
    methods: driveQuestions({ drive, remote, spec, driver, record }),
    notes: notesOf(drive, stateFolder),
    drain: (onProgress, signal) => drainDrive(drive, onProgress, signal),
    close: () => drive.close(),
  }
}

/** Changes that nobody uploaded are easily forgotten: every start reminds of them. */
function notesOf({ writeBack }: Drive, stateFolder: string): string[] {
  const count = writeBack.lostAndFound.length
  if (count === 0) return []
  const what = count === 1 ? '1 file that an earlier mount' : `${count} files that earlier mounts`
  return [`${what} could not upload ${count === 1 ? 'is' : 'are'} kept in ${join(stateFolder, 'lost+found')}`]
}

function driverOf(options: MountOptions, parts: ComposeParts): FuseDriver {
  const { writebackCache, negativeTtlMs } = options
  if (options.driver === 'native') return new NativeDriver({ ...parts, writebackCache, negativeTtlMs })
  return new Libfuse2Driver(parts)
}

function connect(
  spec: MountSpec,
  parts: ComposeParts,
  { session, options }: { session: Session; options: MountOptions },
): Promise<Remote> {
  const { tokenSource, serverClock, account } = session
  const { rootUri, readOnly, deletePermanently } = spec
  const lanes = { control: 8, downloads: 8, uploads: options.uploadConcurrency }
  const connection = {
    origin: account.url,
    tokenSource,
    serverClock,
    rootUri,
    readOnly,
    deletePermanently,
    lanes,
  }
  return connectCloudreve({ ...parts, ...connection })
}

/** What the options and the server say about the filesystem; all else is the core's own. */
export function settingsOf(options: MountOptions, remote: Remote): Partial<CoreSettings> {
  const { uid, gid, umask, fileMode, dirMode } = options
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    fileMode: fileMode ?? 0o666 & ~umask,
    folderMode: dirMode ?? 0o777 & ~umask,
    entryTtlMs: options.entryTtlMs,
    attrTtlMs: options.attrTtlMs,
    readOnly: remote.facts.readOnly,
    metadataTtlMs: options.metadataTtlMs,
    metadataEntries: options.metadataCacheEntries,
    readMemoryBytes: options.readMemoryBytes,
    quietMs: options.quietTimeMs,
    uploadConcurrency: options.uploadConcurrency,
    listFacts: options.listFacts,
  }
}
