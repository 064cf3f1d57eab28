import type { Gate } from './call-script.ts'
import { settle } from './manual-clock.ts'
import type { TestDrive } from './test-drive.ts'

/** Begins `work` while a call waits at the gate, lets the call go on once it has begun, and waits for the work. */
export async function whileHeld<T>(drive: TestDrive, gate: Gate, work: () => Promise<T>): Promise<T> {
  await gate.entered
  const working = work()
  await settle()
  gate.release()
  return drive.during(working)
}
