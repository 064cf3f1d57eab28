/**
 * Contents that pass by are memory beside the heap, and the heap of a mount is small. V8 would look through it anew every 8 MB
 * of them, which is a third of what a download costs. So it is told to wait for a fixed amount of garbage instead.
 */
import { constants, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'

const garbageBytes = 64 * 1024 ** 2
/** Of a heap that is so large that this is less, V8 itself knows best. */
const leastPercent = 30
/** More would be no gain. */
const mostPercent = 300

/** How much a heap may grow before it is looked through, in percent of it; 0: as V8 likes. */
export function growthPercent(heapBytes: number): number {
  const percent = Math.round((garbageBytes * 100) / Math.max(1, heapBytes))
  return percent < leastPercent ? 0 : Math.min(percent, mostPercent)
}

/** From now on, for as long as this thread runs. */
export function spareTheHeap(): void {
  tellGrowth()
  // The flag is read at the end of each such look; what is in use then counts for the next one.
  const observer = new PerformanceObserver((list) => {
    if (list.getEntries().some(isMajor)) tellGrowth()
  })
  observer.observe({ entryTypes: ['gc'] })
}

function isMajor(entry: PerformanceEntry): boolean {
  const { kind } = (entry as PerformanceEntry & { readonly detail: { readonly kind: number } }).detail
  return kind === constants.NODE_PERFORMANCE_GC_MAJOR
}

function tellGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${growthPercent(getHeapStatistics().used_heap_size)}`)
}
