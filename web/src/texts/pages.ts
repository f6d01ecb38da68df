/** Words that the pages beyond wall and desk share, and those of the phones. */
import { inBoth, type Widen } from './both'
import { pagesZh } from './pages.zh'

export type PagesTexts = Widen<typeof pagesZh>
export const pages = inBoth<PagesTexts>(pagesZh, async () => (await import('./pages.en')).pagesEn)
