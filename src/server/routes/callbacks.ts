/** Who sent a content to a storage says so here (api/04 §7). */
import { ApiFailure } from '../failure.ts'
import { ok } from '../http/answer.ts'
import type { PolicyType } from '../options.ts'
import type { Handler, Route } from '../router.ts'
import { finishAtStorage } from '../storage/finish.ts'

function callback(type: PolicyType, failureStatus: number): Handler {
  return ({ world, params }) => {
    const session = world.uploads.find(params['session']!)
    if (!session) throw new ApiFailure(40011, { status: 401 })
    if (session.storage !== type) throw new ApiFailure(40006, { status: 401 })
    if (session.callbackSecret !== params['secret']) throw new ApiFailure(40020, { status: 401 })
    try {
      finishAtStorage(world, session)
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error
      throw new ApiFailure(error.code, { ...error.options, msg: error.message, status: failureStatus })
    }
    return ok()
  }
}

function route(method: 'GET' | 'POST', type: PolicyType, failureStatus: number): Route {
  const pattern = `/callback/${type}/:session/:secret`
  return { method, pattern, name: `${method} /callback/${type}`, handle: callback(type, failureStatus) }
}

export const callbackRoutes: Route[] = [
  route('GET', 's3', 400),
  route('GET', 'ks3', 400),
  route('GET', 'cos', 400),
  route('POST', 'onedrive', 200),
]
