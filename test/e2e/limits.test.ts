import { writeFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { expectBytes, patterned } from '../conformance/suite.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'

await describeMounts('limits', [], (driver) => {
  let place: Workplace
  let mount: Mount

  beforeEach(async () => {
    place = await Workplace.open({ driver })
  })
  afterEach(async () => {
    await place?.close()
  })

  const configFile = () => join(place.scratch, 'config/cloudreve-mount/config.toml')

  it('of the command line and of a file that is changed while the mount runs', async () => {
    mount = await place.mount({ args: ['--download-limit', '8M'] })
    expect(await mount.status()).toMatchObject({
      limits: { uploadBytesPerSecond: 0, downloadBytesPerSecond: 8 * 1024 ** 2 },
    })
    await writeFile(configFile(), 'upload-limit = "1M"\ndownload-limit = "1M"\n')
    await expect
      .poll(async () => (await mount.status())['limits'], { timeout: 20_000 })
      .toEqual({ uploadBytesPerSecond: 1024 ** 2, downloadBytesPerSecond: 8 * 1024 ** 2 })
    const { stdout } = await place.cli(['status'])
    expect(stdout).toContain('limits    uploads 1.0 MiB/s, downloads 8.0 MiB/s')
  })

  it('hold what is sent and what is fetched up, and change none of it', async () => {
    const content = patterned(4 * 1024 ** 2, 7)
    await place.drive.put('theirs.bin', content)
    mount = await place.mount({ args: ['-o', 'upload-limit=2M,download-limit=4M'] })
    const startedAt = performance.now()
    await writeFile(place.at('ours.bin'), content)
    await mount.settle()
    const sentAt = performance.now()
    expectBytes(await place.drive.bytes('ours.bin'), content)
    const readFrom = performance.now()
    expectBytes(await readFile(place.at('theirs.bin')), content)
    const readAt = performance.now()
    // Never faster, whatever the machine: 4 MiB less what is saved up, and one piece.
    expect(sentAt - startedAt).toBeGreaterThan(1_700)
    expect(readAt - readFrom).toBeGreaterThan(800)
  })
})
