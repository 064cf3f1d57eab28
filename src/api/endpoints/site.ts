/** `/site` and `/user`: what is known before and about an account (api/02). */
import { z } from 'zod'
import type { ApiClient } from '../client.ts'
import * as schema from '../schema.ts'
import type { Waiting } from './files.ts'

/** `4.18.0`, with `-pro` on official Pro builds. A hint, never a proof (api/01 §15). */
export function ping(client: ApiClient, { signal }: Waiting = {}): Promise<string> {
  const route = { method: 'GET', path: '/site/ping', signedIn: false } as const
  return client.call({
    ...route,
    schema: z.string(),
    repeat: 'read',
    subject: 'the version of the server',
    signal,
  })
}

/** Kind of picture puzzle that the site uses, and its name. */
export function basicConfig(client: ApiClient, { signal }: Waiting = {}) {
  return readConfig(client, 'basic', { schema: schema.basicConfig, signal })
}

export function loginConfig(client: ApiClient, { signal }: Waiting = {}) {
  return readConfig(client, 'login', { schema: schema.loginConfig, signal })
}

export function explorerConfig(client: ApiClient, { signal }: Waiting = {}) {
  return readConfig(client, 'explorer', { schema: schema.explorerConfig, signal })
}

/** Extensions of files that the server makes small pictures of. */
export function thumbnailConfig(client: ApiClient, { signal }: Waiting = {}) {
  return readConfig(client, 'thumb', { schema: schema.thumbnailConfig, signal })
}

function readConfig<T>(
  client: ApiClient,
  section: string,
  { schema, signal }: Waiting & { schema: z.ZodType<T> },
): Promise<T> {
  const route = { method: 'GET', path: `/site/config/${section}`, signedIn: false } as const
  return client.call({ ...route, schema, repeat: 'read', subject: 'the settings of the site', signal })
}

/** The built-in picture puzzle: a `data:` URL and the ticket that goes with the answer. Single use. */
export function captcha(client: ApiClient, { signal }: Waiting = {}) {
  return client.call({
    method: 'GET',
    path: '/site/captcha',
    schema: schema.captcha,
    repeat: 'read',
    subject: 'the captcha',
    signedIn: false,
    signal,
  })
}

/** The signed-in user; 401 without a valid token. */
export function currentUser(client: ApiClient, { signal }: Waiting = {}): Promise<schema.WireUser> {
  const route = { method: 'GET', path: '/user/me' } as const
  return client.call({ ...route, schema: schema.user, repeat: 'read', subject: 'your account', signal })
}

export function userCapacity(client: ApiClient, { signal }: Waiting = {}) {
  const route = { method: 'GET', path: '/user/capacity' } as const
  return client.call({
    ...route,
    schema: schema.capacity,
    repeat: 'read',
    subject: 'the space of your account',
    signal,
  })
}

export function userSettings(
  client: ApiClient,
  { signal }: Waiting = {},
): Promise<schema.WireVersionRetention> {
  return client.call({
    method: 'GET',
    path: '/user/setting',
    schema: schema.userSettings,
    repeat: 'read',
    subject: 'the settings of your account',
    signal,
  })
}
