export { Node, samePlace, type NodePlace, type UnsentAttributes } from './node.ts'
export { NodeTable } from './node-table.ts'
