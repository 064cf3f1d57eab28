import type { KernelCache } from '../../src/core/ports.ts'

/** Puts down what a kernel is told: `inode 5`, `entry 1 a`, `entry 1 a?`, `gone 1 5 a`. */
export function noticingKernel(notices: string[]): KernelCache {
  return {
    invalidateInode: (ino) => void notices.push(`inode ${ino}`),
    invalidateAttributes: (ino) => void notices.push(`attributes ${ino}`),
    expireEntry: (ino, name, mere) => void notices.push(`entry ${ino} ${name}${mere ? '?' : ''}`),
    deleteEntry: (parent, child, name) => void notices.push(`gone ${parent} ${child} ${name}`),
  }
}
