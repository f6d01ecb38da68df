/** Every screen and case has an address. `/` leads to the desk, or to the wall for those who have no desk. */
import { createRouter, createWebHistory } from 'vue-router'
import { Refusal } from './api/client'
import { maySeeDesk, me, whoAmI } from './session'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', redirect: '/desk' },
    { path: '/sign-in', component: () => import('./signin/SignInPage.vue') },
    { path: '/wall', component: () => import('./wall/WallPage.vue'), meta: { needs: 'session' } },
    { path: '/desk', component: () => import('./desk/DeskPage.vue'), meta: { needs: 'desk' } },
    { path: '/:rest(.*)*', component: () => import('./shell/NotFound.vue') },
  ],
})

router.beforeEach(async (to) => {
  const needs = to.meta['needs']
  if (needs === undefined) return true
  try {
    const who = me.value ?? (await whoAmI())
    if (who === null) return { path: '/sign-in', query: { next: to.fullPath } }
    if (needs === 'desk' && !maySeeDesk(who)) return { path: '/wall' }
    return true
  } catch (error) {
    // the service does not answer: the sign-in page says so and tries again by itself
    if (error instanceof Refusal) return { path: '/sign-in', query: { next: to.fullPath, unreachable: '1' } }
    throw error
  }
})
