// Writes docs/CONFIGURATION.md from the built option table: `npm run docs`.
import { writeFileSync } from 'node:fs'
import { configurationDocument } from '../../dist/config/document.js'

writeFileSync(new URL('../../docs/CONFIGURATION.md', import.meta.url), configurationDocument())
