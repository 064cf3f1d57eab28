export { readRecords } from './read-records.ts'
export { Journal, type JournalOptions } from './journal.ts'
export { JournalVersionError, type JournalChange, type JournalValue } from './values.ts'
