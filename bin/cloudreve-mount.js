#!/usr/bin/env node
import('../dist/cli/main.js')
  .then(({ main }) => main(process.argv))
  .catch((error) => {
    console.error(error instanceof Error ? error.message : String(error))
    process.exit(1)
  })
