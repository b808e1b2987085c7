import type { Command } from 'commander'

/** `linli commission`. */
export function commissionCommands(program: Command): void {
  program.command('commission')
    .description('point by point: somebody opens the door, warms the sensor, presses the button, and the gateway notes what it saw and when the city had it; ends in a signed report to print')
    .argument('<site>', 'site file (YAML) of the running gateway')
    .option('-o, --out <name>', 'name of the report, without .html and .json (default: commission-GATEWAY-DATE)')
    .option('--by <name>', 'who does it')
    .option('--only <text...>', 'only points whose id begins with one of these')
    .option('--resume <file>', 'what passed in this earlier report is not asked again')
    .option('--check <file>', 'ask nothing: check the signature of a report, and print it')
    .option('--diff <file>', 'with --check: what is different from this earlier report')
    .option('--json', 'print the report as JSON')
    .action(async (file: string, options) => (await import('./commission.ts')).commission(file, options))
}
