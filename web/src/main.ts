/** Where the screens begin. Then: router.ts → desk/DeskPage.vue or wall/WallPage.vue → live/useLive.ts. */
import { createApp } from 'vue'
import { RouterView } from 'vue-router'
import './tokens.css'
import { router } from './router'
import { speakAsBefore } from './texts'

document.documentElement.dataset['build'] = __BUILD__
// without the English words it begins in Chinese
void speakAsBefore().catch(() => undefined).then(() => createApp(RouterView).use(router).mount('#app'))

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  // a browser that refuses it (plain http on another machine) only loses opening without a network
  addEventListener('load', () => void navigator.serviceWorker.register('/sw.js').catch(() => undefined))
}
