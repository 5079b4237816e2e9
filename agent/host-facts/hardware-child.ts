/**
 * A process that says what the machine is, as JSON, and ends. The library calls a dozen programs for it, some of them synchronously (`hostname -f`
 * asks the DNS, `nvidia-smi` the driver), and keeps 12 MB: nothing that the agent itself should wait for, or keep.
 */
import { cpu, graphics, mem, osInfo } from 'systeminformation';

const [system, processor, { controllers }, memory] = await Promise.all([osInfo(), cpu(), graphics(), mem()]);
const { platform, distro, release, kernel, build } = system;
const { vendor, manufacturer, brand, cores, physicalCores, processors } = processor;
const gpus = controllers.map(({ vendor, model }) => ({ vendor, model }));
const found = { platform, distro, release, kernel, build, vendor, manufacturer, brand, cores, physicalCores, processors, gpus };
process.stdout.write(JSON.stringify({ ...found, swapTotal: memory.swaptotal }));
