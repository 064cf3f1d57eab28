import { MessageChannel } from 'node:worker_threads'

/**
 * Keeps this process running until the returned function is called. Needed because timers do not (`Clock`), and a serving
 * process may have nothing but one of them to wait for: the next try of an upload, or another process's end.
 */
export function stayAwake(): () => void {
  const { port1 } = new MessageChannel()
  port1.ref()
  return () => port1.close()
}
