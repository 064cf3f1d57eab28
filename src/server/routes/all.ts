import type { Settings } from '../options.ts'
import type { Route } from '../router.ts'
import { objectStoreRoutes } from '../storage/object-store.ts'
import { onedriveRoutes } from '../storage/onedrive.ts'
import { qiniuRoutes } from '../storage/qiniu.ts'
import { remoteRoutes } from '../storage/remote.ts'
import { upyunRoutes } from '../storage/upyun.ts'
import { activityRoutes } from './activities.ts'
import { callbackRoutes } from './callbacks.ts'
import { contentRoutes } from './content.ts'
import { eventRoutes } from './events.ts'
import { fileRoutes } from './files.ts'
import { linkRoutes } from './links.ts'
import { miscRoutes } from './misc.ts'
import { sessionRoutes } from './session.ts'
import { shareRoutes } from './shares.ts'
import { siteRoutes } from './site.ts'
import { uploadRoutes } from './uploads.ts'
import { userRoutes } from './user.ts'

/** Every route that the server has; what only Pro has, only when it plays Pro, and what older ones have not, unless it plays one. */
export function allRoutes({ pro, isBefore411 }: Pick<Settings, 'pro' | 'isBefore411'>): Route[] {
  return [
    ...siteRoutes,
    ...sessionRoutes,
    ...userRoutes,
    ...fileRoutes,
    ...contentRoutes,
    ...uploadRoutes,
    ...callbackRoutes,
    ...objectStoreRoutes,
    ...remoteRoutes,
    ...qiniuRoutes,
    ...upyunRoutes,
    ...onedriveRoutes,
    ...shareRoutes,
    ...linkRoutes,
    ...(isBefore411 ? [] : eventRoutes),
    ...miscRoutes,
    ...(pro ? activityRoutes : []),
  ]
}
