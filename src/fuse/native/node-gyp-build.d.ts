/** What is used of the package, which brings no types of its own. */
declare module 'node-gyp-build' {
  const load: {
    /**
     * The addon of `folder` for this machine: `build/Release/*.node`, or else `prebuilds/<platform>-<arch>/*.node`.
     *
     * @throws {Error} "No native build was found …"
     */
    path(folder: string): string
  }
  export default load
}
