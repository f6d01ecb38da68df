/** Where the screens begin. Then: router.ts → desk/DeskPage.vue or wall/WallPage.vue → live/useLive.ts. */
import { createApp } from 'vue'
import { RouterView } from 'vue-router'
import './tokens.css'
import { router } from './router'
import { speakAsBefore } from './texts'

document.documentElement.dataset['build'] = __BUILD__
void speakAsBefore().then(() => createApp(RouterView).use(router).mount('#app'))
