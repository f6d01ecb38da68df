/** Where the screens begin. Then: router.ts → desk/DeskPage.vue or wall/WallPage.vue → live/useLive.ts. */
import { createApp } from 'vue'
import { RouterView } from 'vue-router'
import './tokens.css'
import { router } from './router'
import { speakAsBefore, texts } from './texts'

document.documentElement.dataset['build'] = __BUILD__
// without the English words it begins in Chinese
void speakAsBefore().catch(() => undefined).then(() => createApp(RouterView).use(router).mount('#app'))

// Opened anew while the service is away: the shell was kept, the page was not. A dark screen would look calm, so it is white and says so, until it opens
router.onError(() => {
  if (router.currentRoute.value.matched.length > 0) return
  const { down, neverWords, downAdvice } = texts.value.link
  const said = document.createElement('h1')
  said.className = 'lost'
  said.setAttribute('role', 'alert')
  said.textContent = [down, neverWords, downAdvice].join(' · ')
  document.body.replaceChildren(said)
  document.documentElement.dataset['link'] = 'down'
  setTimeout(() => location.reload(), 10_000)
})

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  // a browser that refuses it (plain http on another machine) only loses opening without a network
  addEventListener('load', () => void navigator.serviceWorker.register('/sw.js').catch(() => undefined))
}
