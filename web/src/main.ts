/** Where the screens begin. Then: router.ts → desk/DeskPage.vue or wall/WallPage.vue → live/useLive.ts. */
import { createApp } from 'vue'
import App from './App.vue'
import { unasked } from './part'
import './tokens.css'
import { router } from './router'
import { wordsLost } from './states/advice'
import { speakAsBefore, texts } from './texts'

document.documentElement.dataset['build'] = __BUILD__
// without the English words it begins in Chinese
void speakAsBefore().then(() => createApp(App).use(router).mount('#app'))

// Opened anew while the service is away: the shell was kept, the page was not. A dark screen would look calm, so it is white and says so, until it opens
router.onError(() => {
  if (router.currentRoute.value.matched.length > 0) return
  const said = document.createElement('h1')
  said.className = 'lost'
  said.setAttribute('role', 'alert')
  said.textContent = wordsLost(location.pathname)
  document.body.replaceChildren(said)
  document.documentElement.dataset['link'] = 'down'
  setTimeout(() => location.reload(), 10_000)
})

// A part that is fetched when it is needed (a panel, a page, the words of a language) and does not come: a click without an answer would be repeated in vain
addEventListener('vite:preloadError', (event) => {
  // its code is asked for again with the next touch, its styles are not (Vite knows that it asked): they are fetched until they come
  for (const link of document.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]')) if (String((event as VitePreloadErrorEvent).payload).endsWith(link.href)) styles(link)
  // a phone in a cellar says that it is offline by itself
  if (unasked() || document.documentElement.dataset['link'] !== 'live' || document.querySelector('.unloaded') !== null) return
  const bar = document.createElement('div')
  bar.className = 'unloaded'
  bar.setAttribute('role', 'alert')
  const again = document.createElement('button')
  again.textContent = texts.value.app.reload
  again.onclick = () => location.reload()
  bar.append(texts.value.link.unloaded, again)
  document.body.append(bar)
})

// Whatever flashes does so together: one signal, and in all never more than three flashes a second (WCAG 2.3.1)
addEventListener('animationstart', (event) => {
  for (const one of (event.target as Element).getAnimations()) if (one instanceof CSSAnimation && one.animationName === 'flash') one.startTime = 0
})

function styles(lost: HTMLLinkElement): void {
  setTimeout(() => {
    const link = lost.cloneNode() as HTMLLinkElement
    link.onerror = () => styles(link)
    lost.replaceWith(link)
  }, 2_000)
}

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  // a browser that refuses it (plain http on another machine) only loses opening without a network
  addEventListener('load', () => void navigator.serviceWorker.register('/sw.js').catch(() => undefined))
}
