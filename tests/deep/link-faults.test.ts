// The road up with LINLI_SCALE times as many mishaps, and its laws with as many more cases.
import '../cloud-sync/confirmations.test.ts'
import '../faults/link-chaos.test.ts'
import '../faults/link-unsteady.test.ts'
