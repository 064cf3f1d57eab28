import {
  nodeFileLayer,
  type DiskSpace,
  type FileLayer,
  type FileStat,
  type LocalFile,
} from '../../src/base/file-layer.ts'

function noSpace(): NodeJS.ErrnoException {
  return Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
}

/** The local disk with so many bytes of room left: what does not fit fails as on a full disk, after a partial write. */
export class FullDisk implements FileLayer {
  /** Bytes that may still be written or appended. */
  roomBytes = Infinity

  async open(path: string, how: 'create' | 'use' | 'append'): Promise<LocalFile> {
    const file = await nodeFileLayer.open(path, how)
    return {
      ...file,
      write: (data, position) => file.write(data.subarray(0, this.#take(data.length)), position),
      append: async (data) => {
        const taken = this.#take(data.length)
        await file.append(data.subarray(0, taken))
        if (taken < data.length) throw noSpace()
      },
    }
  }

  replace(path: string, content: string, durable: boolean): Promise<void> {
    if (this.roomBytes < content.length) return Promise.reject(noSpace())
    return nodeFileLayer.replace(path, content, durable)
  }

  rename(from: string, to: string): Promise<void> {
    return nodeFileLayer.rename(from, to)
  }

  list(folder: string): Promise<string[]> {
    return nodeFileLayer.list(folder)
  }

  stat(path: string): Promise<FileStat> {
    return nodeFileLayer.stat(path)
  }

  exists(path: string): Promise<boolean> {
    return nodeFileLayer.exists(path)
  }

  makeFolder(folder: string): Promise<void> {
    return nodeFileLayer.makeFolder(folder)
  }

  readWhole(path: string): Promise<Buffer> {
    return nodeFileLayer.readWhole(path)
  }

  remove(path: string): Promise<void> {
    return nodeFileLayer.remove(path)
  }

  space(): Promise<DiskSpace> {
    return Promise.resolve({ freeBytes: this.roomBytes, totalBytes: Infinity })
  }

  syncFolder(folder: string): Promise<void> {
    return nodeFileLayer.syncFolder(folder)
  }

  /** How much of `bytes` fits. */
  #take(bytes: number): number {
    const taken = Math.min(bytes, this.roomBytes)
    if (taken === 0 && bytes > 0) throw noSpace()
    this.roomBytes -= taken
    return taken
  }
}
