import { invalid } from '../failure.ts'

type Fields = Readonly<Record<string, unknown>>

/** A required non-empty string. @throws {ApiFailure} 40001 */
export function requiredString(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string' || value === '') throw invalid()
  return value
}

/** Absent, null or a string. @throws {ApiFailure} 40001 */
export function optionalString(fields: Fields, name: string): string | undefined {
  const value = fields[name] ?? undefined
  if (value !== undefined && typeof value !== 'string') throw invalid()
  return value
}

/** @throws {ApiFailure} 40001 */
export function optionalBoolean(fields: Fields, name: string): boolean | undefined {
  const value = fields[name] ?? undefined
  if (value !== undefined && typeof value !== 'boolean') throw invalid()
  return value
}

/** An integer. @throws {ApiFailure} 40001 */
export function optionalInteger(fields: Fields, name: string): number | undefined {
  const value = fields[name] ?? undefined
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value)) throw invalid()
  return value
}

/** A list with at least one string. @throws {ApiFailure} 40001 */
export function stringList(fields: Fields, name: string): string[] {
  const value = fields[name]
  if (!Array.isArray(value) || value.length === 0) throw invalid()
  if (!value.every((item) => typeof item === 'string')) throw invalid()
  return value
}

/** An object of strings, or nothing. @throws {ApiFailure} 40001 */
export function optionalStringMap(fields: Fields, name: string): Record<string, string> | undefined {
  const value = fields[name] ?? undefined
  if (value === undefined) return undefined
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid()
  if (!Object.values(value).every((item) => typeof item === 'string')) throw invalid()
  return value as Record<string, string>
}

/** An integer of the query, or nothing. @throws {ApiFailure} 40001 */
export function queryInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^-?\d+$/.test(text)) throw invalid()
  return Number(text)
}

/** A required parameter of the query. @throws {ApiFailure} 40001 */
export function requiredQuery(query: URLSearchParams, name: string): string {
  const value = query.get(name)
  if (value === null || value === '') throw invalid()
  return value
}

/** `page_size` of lists that are not of files: 10 to 100. @throws {ApiFailure} 40001 */
export function smallPageSize(query: URLSearchParams): number {
  const size = queryInteger(query, 'page_size')
  if (size === undefined || size < 10 || size > 100) throw invalid()
  return size
}
