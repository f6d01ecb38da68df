/**
 * Where a sentence in large letters may be broken: between words. Chinese has no spaces, and a line that ends inside 「核实」 reads as two
 * wrong words. Pure; an old browser breaks where it likes.
 */
const words = typeof Intl.Segmenter === 'function' ? new Intl.Segmenter('zh', { granularity: 'word' }) : null
const HAN = /^\p{Script=Han}$/u
/** what belongs to the word that follows: an opening mark, 已 + 处理 */
const OPENS = /[「『（《“‘([已未不没]$/

/** The text in pieces that belong together: single characters that follow one another (names, 一 + 条) stay, and so do marks with their word. */
export function phrases(text: string): string[] {
  const out: string[] = []
  let single = false
  for (const { segment, isWordLike } of words?.segment(text) ?? [{ segment: text, isWordLike: true }]) {
    const alone = HAN.test(segment)
    const last = out.at(-1)
    if (last !== undefined && (isWordLike !== true || (alone && single) || OPENS.test(last))) out[out.length - 1] = last + segment
    else out.push(segment)
    single = alone
  }
  return out
}
