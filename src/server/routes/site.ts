import type { WireSiteBasic, WireSiteExplorer, WireSiteLogin, WireSiteThumb } from '../../api/types.ts'
import { thumbnailExtensions } from '../files/thumbnails.ts'
import { ok } from '../http/answer.ts'
import type { ApiRequest } from '../http/request.ts'
import type { Handler, Route } from '../router.ts'

const ping: Handler = ({ world }) => ok(world.settings.version)

const captcha: Handler = ({ world }) => ok(world.captchas.create())

/** Every unknown section answers as `basic`. */
const config: Handler = (request) => {
  switch (request.params['section'] ?? '') {
    case 'login':
      return ok(loginSection(request))
    case 'explorer':
      return ok(explorerSection(request))
    case 'thumb':
      return ok({ thumb_exts: [...thumbnailExtensions] } satisfies WireSiteThumb)
    case 'emojis':
      return ok({ emoji_preset: '{}' })
    case 'app':
      return ok({})
    default:
      return ok(basicSection(request))
  }
}

const theme = JSON.stringify({ '#1976d2': { light: { palette: { primary: { main: '#1976d2' } } } } })

function basicSection({ world, caller }: ApiRequest): WireSiteBasic {
  return {
    instance_id: world.settings.instanceId,
    title: 'Cloudreve',
    themes: theme,
    default_theme: '#1976d2',
    user: caller.user ? world.users.wire(caller.user) : world.users.wireAnonymous(),
    logo: '/static/img/logo.svg',
    logo_light: '/static/img/logo_light.svg',
    custom_html: {},
    captcha_ReCaptchaKey: 'defaultKey',
    captcha_type: 'normal',
    captcha_cap_asset_server: 'jsdelivr',
    app_promotion: true,
  }
}

function loginSection({ world }: ApiRequest): WireSiteLogin {
  const policy = `${world.origin}/privacy-policy`
  return {
    ...(world.settings.loginCaptcha ? { login_captcha: true } : {}),
    authn: true,
    register_enabled: true,
    tos_url: policy,
    privacy_policy_url: policy,
  }
}

function explorerSection({ world }: ApiRequest): WireSiteExplorer {
  return {
    max_batch_size: world.settings.maxBatchSize,
    icons: '[]',
    map_provider: 'openstreetmap',
    thumbnail_width: 400,
    thumbnail_height: 300,
    custom_props: [
      { id: 'description', name: 'fileManager.description', type: 'text' },
      { id: 'rating', name: 'fileManager.rating', type: 'rating', max: 5 },
    ],
  }
}

export const siteRoutes: Route[] = [
  { method: 'GET', pattern: '/site/ping', handle: ping },
  { method: 'GET', pattern: '/site/captcha', handle: captcha },
  { method: 'GET', pattern: '/site/config/:section', handle: config },
]
