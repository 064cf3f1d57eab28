/** The sentence for what only the kernel or libfuse knew. */
export function whyMountFailed(mountpoint: string, error: Error): string {
  const { message } = error
  if (message === 'Mountpoint in use') {
    return `${mountpoint} is itself the top of another filesystem: choose a folder inside it`
  }
  const said = message === 'fuse failed' ? 'the reason is in the line that begins with "fuse" above' : message
  return `${mountpoint} could not be mounted: ${said}`
}
