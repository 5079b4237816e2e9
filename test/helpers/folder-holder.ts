/** A process of its own that claims a data folder and keeps it until it is ended: `folder-holder.js FOLDER`. Says `claimed` or why not. */
import { claimDataFolder } from '../../adapters/sqlite/data-folder.ts';

await claimDataFolder(process.argv.slice(2).join()).then(
  () => {
    process.stdout.write('claimed\n');
    setInterval(() => undefined, 1000);
  },
  (error: Error) => process.stdout.write(`${error.message}\n`),
);
