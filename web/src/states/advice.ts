import { texts } from '../texts'

/** What somebody on this page does while the service does not answer: whoever has no duty phone is not sent to one. */
export function adviceFor(path: string): string {
  const { downAdvice, advice } = texts.value.link
  return advice[path.split('/')[1] ?? ''] ?? downAdvice
}

/** What does not come at all, said where it is missed. */
export function wordsLost(path: string): string {
  const { down, neverWords, advice } = texts.value.link
  return [down, path.split('/')[1]! in advice ? '' : neverWords, adviceFor(path)].filter(Boolean).join(' · ')
}
