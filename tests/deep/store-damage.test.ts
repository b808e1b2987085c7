// Every kind of damage, with LINLI_SCALE times as many cases.
import '../faults/store-damage.test.ts'
