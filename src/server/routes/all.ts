import type { Settings } from '../options.ts'
import type { Route } from '../router.ts'
import { contentRoutes } from './content.ts'
import { fileRoutes } from './files.ts'
import { sessionRoutes } from './session.ts'
import { siteRoutes } from './site.ts'
import { userRoutes } from './user.ts'

/** Every route that the server has; what only Pro has, only when it plays Pro. */
export function allRoutes(_settings: Settings): Route[] {
  return [...siteRoutes, ...sessionRoutes, ...userRoutes, ...fileRoutes, ...contentRoutes]
}
