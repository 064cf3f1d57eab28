import { settle } from '../../../fakes/manual-clock.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

/** A drive with `a`, `d/f` and `e/g` that is told what others do. */
export async function openFollowing(): Promise<TestDrive> {
  const test = await TestDrive.open({}, (remote) => {
    remote.putAsOther('a', 'v1')
    remote.putAsOther('d/f', 'below')
    remote.putAsOther('e/g', 'beside')
  })
  test.drive.followChanges()
  await settle()
  return test
}
