/** What a mount of the product is made of: account, connection, filesystem and driver, built in this order. */
import { hostname } from 'node:os'
import { mkdir } from 'node:fs/promises'
import { AccountStore } from '../auth/account-store.ts'
import { desktopKeyring } from '../auth/keyring.ts'
import { originOf } from '../auth/origin.ts'
import { passwordSession, storedSession, type Session } from '../auth/session.ts'
import { readWrittenOptions } from '../config/parse.ts'
import { accountFolders } from '../config/paths.ts'
import type { MountOptions } from '../config/options.ts'
import { createDrive, type CoreSettings } from '../core/index.ts'
import type { FuseDriver } from '../fuse/driver.ts'
import { Libfuse2Driver } from '../fuse/libfuse2/driver.ts'
import { NativeDriver } from '../fuse/native/driver.ts'
import { connectCloudreve } from '../remote/cloudreve/index.ts'
import type { Remote } from '../remote/remote.ts'
import type { ComposeParts, Composition, Prepared } from './composition.ts'
import { driveQuestions, drainDrive } from './drive-questions.ts'
import { MountError, type MountSpec, type RunningMount } from './spec.ts'

/** @throws an error whose message is a sentence, when the account cannot sign in */
export async function compose(spec: MountSpec, parts: ComposeParts): Promise<Prepared> {
  const session = await sessionOf(spec, parts)
  const { account } = session
  return {
    accountId: `${account.url} ${account.userId}`,
    account: `${account.email} at ${account.url}`,
    open: (record) => open(spec, parts, { session, record }),
    close: () => session.close(),
  }
}

async function sessionOf(spec: MountSpec, parts: ComposeParts): Promise<Session> {
  if (spec.accountKey === null) return environmentSession(parts)
  const store = new AccountStore({
    folder: spec.stateFolder,
    keyring: desktopKeyring,
    onPlainFile: (path) =>
      parts.log.info('there is no desktop keyring: the sign-in is kept in a file', { path }),
  })
  return storedSession(store, await store.find(spec.accountKey), parts)
}

/** The password stays in the environment and in memory: it signs in again when the session ends. */
function environmentSession(parts: ComposeParts): Promise<Session> {
  const { CLOUDREVE_URL: url, CLOUDREVE_EMAIL: email, CLOUDREVE_PASSWORD: password } = process.env
  if (!url || !email || !password) {
    throw new MountError('CLOUDREVE_URL, CLOUDREVE_EMAIL and CLOUDREVE_PASSWORD must all be set')
  }
  return passwordSession(originOf(url), { email, password }, parts)
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
    drain: (onProgress, signal) => drainDrive(drive, onProgress, signal),
    close: () => drive.close(),
  }
}

function driverOf(options: MountOptions, parts: ComposeParts): FuseDriver {
  return options.driver === 'native' ? new NativeDriver(parts) : new Libfuse2Driver(parts)
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

function settingsOf(options: MountOptions, remote: Remote): Partial<CoreSettings> {
  const { uid, gid, umask, fileMode, dirMode } = options
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    fileMode: fileMode ?? 0o666 & ~umask,
    folderMode: dirMode ?? 0o777 & ~umask,
    entryTtlMs: options.entryTtlMs,
    attrTtlMs: options.attrTtlMs,
    readOnly: remote.facts.readOnly,
    metadataEntries: options.metadataCacheEntries,
    readMemoryBytes: options.readMemoryBytes,
    quietMs: options.quietTimeMs,
    uploadConcurrency: options.uploadConcurrency,
    listFacts: options.listFacts,
  }
}
