import { afterAll, beforeAll, expect, it } from 'vitest'
import { driverDifferences, expectedOf } from '../conformance/driver-differences.ts'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace } from './harness.ts'

await describeMounts('a folder of many pages', [], (driver) => {
  let place: Workplace

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    for (let i = 0; i < 4_500; i += 1) await place.server.admin.write(`/big/f${i}`, '')
    await place.mount()
  })
  afterAll(() => place?.close())

  it('shows its first names to ls while the server works on the second page [E23][V10]', async ({ skip }) => {
    if (!expectedOf(driver, 'namesAsTheyCome')) skip(driverDifferences.namesAsTheyCome.reason)
    place.server.faults.add({ route: 'GET /file', nth: 2, kind: 'stall' })
    const first = await run('bash', ['-c', 'ls -f "$0" | head -n 1', place.at('big')])
    await place.server.faults.untilStalled()
    place.server.faults.release()
    expect(first).toMatch(/^(\.|f0)\n$/)
    expect((await run('bash', ['-c', 'ls -f "$0" | wc -l', place.at('big')])).trim()).toBe('4502')
  })
})
