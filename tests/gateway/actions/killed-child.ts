// A gateway's line that is killed while a rule's write is under way: tells on its standard output when what it began is on disk.
import { building, follow, openLine } from './line.ts'

const [folder = '', port = '0'] = process.argv.slice(2)
const line = await openLine({ folder, connection: building(Number(port), '9s'), rules: [follow()] })
const tell = (word: string): void => { process.stdout.write(`${word}\n`) }
line.journal.onCommit(() => void line.journal.state.entries('write/').then((entries) => { if (entries.length > 0) tell('pending') }))
const ready = setInterval(() => { if (line.live.read('hall.contact')?.quality === 'good' && line.live.read('alarm.light')?.quality === 'good') { clearInterval(ready); tell('ready') } }, 5)
