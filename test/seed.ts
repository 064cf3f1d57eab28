/**
 * Before every test file: random properties start from the same seed wherever `CI` is set, so that the same commit has the same
 * outcome twice; elsewhere each run tries other values. FC_SEED repeats one, as a failure prints it.
 */
import fc from 'fast-check'

const seedInCi = 20
const given = process.env['FC_SEED'] ?? (process.env['CI'] ? seedInCi : undefined)
if (given !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(given) })
