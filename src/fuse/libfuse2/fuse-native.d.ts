/** Stands in for the package's own types, so that a checkout builds also where this optional dependency could not be installed. */
declare module '@cocalc/fuse-native' {
  const addon: unknown
  export default addon
}
