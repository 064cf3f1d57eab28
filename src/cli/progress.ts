/** How far something is: a bar on a terminal, a line now and then elsewhere. */
import { Presets, SingleBar } from 'cli-progress'
import type { PendingProgress, WarmingProgress } from '../mount/control-results.ts'
import type { Io } from './io.ts'
import { countedChanges } from './changes-in-words.ts'
import { counted, printable, sizeInWords } from './table.ts'

export interface Progress<Event = PendingProgress> {
  update(event: Event): void
  stop(): void
}

/** Lines without a terminal are this far apart, ms. */
const LINE_EVERY_MS = 10_000

export function uploadProgress(io: Pick<Io, 'err' | 'now' | 'canAsk'>): Progress {
  return io.canAsk ? barProgress() : lineProgress(io)
}

export function lineProgress(io: Pick<Io, 'err' | 'now'>): Progress {
  let lastAt = Number.NEGATIVE_INFINITY
  let lastTrouble: string | null = null
  return {
    update(pending) {
      const { files, others, trouble } = pending
      const isNews = trouble !== null && trouble !== lastTrouble
      if (files + others === 0 || (!isNews && io.now() - lastAt < LINE_EVERY_MS)) return
      lastAt = io.now()
      lastTrouble = trouble
      io.err(`${pendingInWords(pending)}${troubleInWords(trouble)}`)
    },
    stop() {},
  }
}

function barProgress(): Progress {
  const format = 'uploading {bar} {percentage} % of {size} | {files}{trouble}'
  const bar = new SingleBar({ format, clearOnComplete: true, hideCursor: true }, Presets.shades_classic)
  let isShown = false
  return {
    update({ files, others, leftBytes, sentBytes, trouble }) {
      if (files + others === 0) return
      const total = leftBytes + sentBytes
      const payload = {
        size: sizeInWords(total),
        files: countedChanges({ files, others }),
        trouble: troubleInWords(trouble),
      }
      if (!isShown) bar.start(Math.max(1, total), sentBytes, payload)
      isShown = true
      bar.setTotal(Math.max(1, total))
      bar.update(sentBytes, payload)
    },
    stop() {
      if (isShown) bar.stop()
    },
  }
}

function troubleInWords(trouble: string | null): string {
  return trouble === null ? '' : `; waiting: ${printable(trouble)}`
}

function pendingInWords({ files, others, leftBytes }: PendingProgress): string {
  const counts = countedChanges({ files, others })
  return files === 0 ? `sending ${counts}` : `uploading ${counts}, ${sizeInWords(leftBytes)} to send`
}

/** How far bringing files into the cache is. */
export function warmProgress(io: Pick<Io, 'err' | 'now' | 'canAsk'>): Progress<WarmingProgress> {
  return io.canAsk ? warmBar() : warmLines(io)
}

function warmLines(io: Pick<Io, 'err' | 'now'>): Progress<WarmingProgress> {
  let lastAt = Number.NEGATIVE_INFINITY
  return {
    update({ files, doneFiles, totalBytes, doneBytes }) {
      if (io.now() - lastAt < LINE_EVERY_MS) return
      lastAt = io.now()
      const left = counted(files - doneFiles, 'file')
      io.err(`fetching ${left}, ${sizeInWords(totalBytes - doneBytes)} to come`)
    },
    stop() {},
  }
}

function warmBar(): Progress<WarmingProgress> {
  const format = 'fetching {bar} {percentage} % of {size} | {files}'
  const bar = new SingleBar({ format, clearOnComplete: true, hideCursor: true }, Presets.shades_classic)
  let isShown = false
  return {
    update({ files, totalBytes, doneBytes }) {
      const payload = { size: sizeInWords(totalBytes), files: counted(files, 'file') }
      if (!isShown) bar.start(Math.max(1, totalBytes), doneBytes, payload)
      isShown = true
      bar.update(doneBytes, payload)
    },
    stop() {
      if (isShown) bar.stop()
    },
  }
}
