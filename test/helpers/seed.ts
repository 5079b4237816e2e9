/** Chance in tests: the same in every run, so that a run fails because of a change, unless `BERTH_SEED` asks for another. */
export const SEED = Number(process.env['BERTH_SEED'] ?? 1);
