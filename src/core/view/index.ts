export { DriveView, type ViewOptions } from './drive-view.ts'
export { KernelCaches } from './kernel-caches.ts'
