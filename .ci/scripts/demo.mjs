// `npm run demo [-- MOUNTPOINT]`: set-up, then the demo. One process from here on, so that Ctrl-C reaches it once.
import { setUp } from './setup.mjs'

try {
  setUp()
} catch (error) {
  process.stderr.write(`setup: ${error.message}\n`)
  process.exit(1)
}
const { main } = await import('../../dist/cli/main.js')
await main([process.execPath, 'cloudreve-mount', 'demo', ...process.argv.slice(2)])
