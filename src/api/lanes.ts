import PQueue from 'p-queue'

/**
 * Requests under way at a time. Control calls, downloads and uploads wait for each other only within their own lane, so
 * that a big upload never delays a listing.
 */
export interface Lanes {
  readonly control: PQueue
  readonly downloads: PQueue
  readonly uploads: PQueue
}

export type LaneName = keyof Lanes

export interface LaneWidths {
  readonly control: number
  readonly downloads: number
  readonly uploads: number
}

/** More than this buys nothing on a server with SQLite (api/00-live-files §17.18). */
export const defaultLaneWidths: LaneWidths = { control: 8, downloads: 8, uploads: 4 }

export function createLanes(widths: LaneWidths = defaultLaneWidths): Lanes {
  return {
    control: new PQueue({ concurrency: widths.control }),
    downloads: new PQueue({ concurrency: widths.downloads }),
    uploads: new PQueue({ concurrency: widths.uploads }),
  }
}
