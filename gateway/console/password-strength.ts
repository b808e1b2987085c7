/** `weak` is refused by the gateway too; `fair` and `good` are a hint for the eye. */
export type Strength = 'short' | 'weak' | 'fair' | 'good'

const least = 10
/** What guessing begins with. */
const common = ['password', 'passwort', 'admin', 'administrator', 'root', 'linli', 'gateway', 'qwerty', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm', 'welcome', 'letmein', 'iloveyou', 'woaini', 'mima', 'abc', 'test']
const rows = ['01234567890', 'abcdefghijklmnopqrstuvwxyz', 'qwertyuiopasdfghjklzxcvbnm', '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p']

/** Runs of four or more along a keyboard or the alphabet, either way, count as nothing. */
function withoutRuns(text: string): string {
  let left = text
  for (const row of rows.flatMap((each) => [each, [...each].toReversed().join('')])) {
    for (let length = Math.min(row.length, left.length); length >= 4; length--) for (let at = 0; at + length <= row.length; at++) left = left.replaceAll(row.slice(at, at + length), '')
  }
  return left
}

/** Of a password of the account `id`. Length counts most; what everybody tries first counts as nothing. */
export function strengthOf(password: string, id: string): Strength {
  const text = password.normalize('NFKC').toLowerCase()
  if ([...password].length < least) return 'short'
  let rest = withoutRuns(text)
  for (const word of [...common, ...(id.length >= 3 ? [id] : [])].toSorted((a, b) => b.length - a.length)) rest = rest.replaceAll(word, '')
  // Years, and one sign again and again.
  rest = rest.replaceAll(/(?:19|20)\d\d/g, '').replaceAll(/(.)\1{2,}/gu, '$1').replaceAll(/[^\p{L}\p{N}]/gu, '')
  const different = new Set(rest).size
  if (different < 2 || new Set(text).size < 5) return 'weak'
  return different >= 9 && rest.length >= 12 ? 'good' : 'fair'
}
