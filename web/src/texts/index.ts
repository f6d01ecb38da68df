/** The words of the screens. `zh` is the source; `en` must have the same keys (the compiler sees to it). */
import { shallowRef } from 'vue'
import type { Widen } from './both'
import { zh } from './zh'

export type Texts = Widen<typeof zh>
export type Language = 'zh' | 'en'

export const texts = shallowRef<Texts>(zh)
export const language = shallowRef<Language>('zh')
/** What was asked for last; `language` follows when its words are there. */
export const wanted = shallowRef<Language>('zh')

/** What <html lang> and the formatters of dates are told. */
export const locale = (): string => (language.value === 'zh' ? 'zh-CN' : 'en-GB')

/** What the service says in both languages, in the one of the screen; as it stands where it has only one. */
export const said = (zh: string, en: string | null | undefined): string => (language.value === 'zh' || !en ? zh : en)

/** Several names in a row, the way the language writes them: 「甲、乙」, "A, B". No "and": what follows may go on. */
export const listed = (parts: readonly string[]): string => parts.join(language.value === 'zh' ? '、' : ', ')

const coming = new Set<Promise<unknown>>()
/** Words that are on their way: no page is shown without them, as long as the line brings them soon. Those that do not come are asked for again. */
export function awaits(load: () => Promise<unknown>): void {
  const words = load()
  coming.add(words)
  void words.catch(() => later(() => awaits(load))).finally(() => coming.delete(words))
}

const AGAIN_MS = 10_000
const lost = new Set<() => unknown>()
let pause: ReturnType<typeof setTimeout> | undefined
function later(attempt: () => unknown): void {
  lost.add(attempt)
  pause ??= setTimeout(again, AGAIN_MS)
}
function again(): void {
  clearTimeout(pause)
  pause = undefined
  const all = [...lost]
  lost.clear()
  for (const attempt of all) attempt()
}
addEventListener('online', again)

/** On a bad line a page in the other language is better than none. */
const MOST_MS = 2500
export const wordsThere = (): Promise<unknown> => Promise.race([Promise.allSettled(coming), new Promise((done) => setTimeout(done, MOST_MS))])

export async function speak(to: Language): Promise<void> {
  wanted.value = to
  let words: Texts = zh
  try {
    if (to === 'en') words = (await Promise.all([import('./en'), wordsThere()]))[0].en
  } catch {
    // until they come it stays Chinese
    return later(() => wanted.value === to && speak(to))
  }
  if (wanted.value !== to) return // pressed again meanwhile
  texts.value = words
  language.value = to
  document.documentElement.lang = locale()
  try {
    localStorage.setItem('anxin.language', to)
  } catch {
    // a browser without storage forgets the choice; nothing else is lost
  }
}

export async function speakAsBefore(): Promise<void> {
  let kept: string | null = null
  try {
    kept = localStorage.getItem('anxin.language')
  } catch {
    kept = null
  }
  if (kept === 'en') await speak('en')
}
