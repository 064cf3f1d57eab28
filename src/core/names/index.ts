export { checkNewName, type NameLimits } from './check-new-name.ts'
export { canBeShown, toPosixName, toServerName } from './name-map.ts'
