export { InlineLayer, nothingInline, type InlineLimits } from './inline-layer.ts'
