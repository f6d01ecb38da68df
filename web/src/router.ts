/** Every screen and case has an address. `/` leads everybody to where they are at home. */
import { createRouter, createWebHistory, type RouteLocationNormalized, type RouteLocationRaw } from 'vue-router'
import { Refusal } from './api/client'
import type { Me } from './api/types'
import { calls, checks, goes, homeOf, isFamily, mayAct, maySeeDesk, maySeeFigures, maySeePeople, maySimulate, me, mends, remembered, whoAmI } from './session'
import { wordsThere } from './texts'

const NEEDS: Readonly<Record<string, (who: Me) => boolean>> = {
  session: () => true,
  desk: maySeeDesk,
  acts: mayAct,
  people: maySeePeople,
  figures: maySeeFigures,
  goes,
  family: isFamily,
  checks,
  mends,
  calls,
  simulates: maySimulate,
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', component: () => import('./shell/NotFound.vue'), meta: { needs: 'session', home: true } },
    { path: '/sign-in', component: () => import('./signin/SignInPage.vue') },
    { path: '/wall', component: () => import('./wall/WallPage.vue'), meta: { needs: 'session' } },
    { path: '/desk', component: () => import('./desk/DeskPage.vue'), meta: { needs: 'desk' } },
    {
      path: '/',
      component: () => import('./office/OfficeLayout.vue'),
      children: [
        { path: 'residents', component: () => import('./residents/ResidentsPage.vue'), meta: { needs: 'people', title: 'residents' } },
        { path: 'residents/:id', component: () => import('./residents/ResidentPage.vue'), meta: { needs: 'people', title: 'resident' } },
        { path: 'devices', component: () => import('./devices/DevicesPage.vue'), meta: { needs: 'acts', title: 'devices' } },
        { path: 'tasks', component: () => import('./tasks/TasksPage.vue'), meta: { needs: 'figures', title: 'tasks' } },
        { path: 'duty', component: () => import('./duty/DutyPage.vue'), meta: { needs: 'figures', title: 'duty' } },
        { path: 'kpi', component: () => import('./kpi/KpiPage.vue'), meta: { needs: 'figures', title: 'kpi' } },
        { path: 'records', component: () => import('./records/RecordsPage.vue'), meta: { needs: 'checks', title: 'records' } },
        { path: 'sim', component: () => import('./sim/SimPage.vue'), meta: { needs: 'simulates', title: 'sim' } },
        { path: 'handover', component: () => import('./office/HandoverPage.vue'), meta: { needs: 'acts', title: 'handover' } },
      ],
    },
    { path: '/go', component: () => import('./go/GoPage.vue'), meta: { needs: 'goes', offline: true } },
    { path: '/calls', component: () => import('./calls/CallsPage.vue'), meta: { needs: 'calls' } },
    { path: '/mend', component: () => import('./mend/MendPage.vue'), meta: { needs: 'mends' } },
    { path: '/family', component: () => import('./family/FamilyPage.vue'), meta: { needs: 'family', offline: true } },
    { path: '/:rest(.*)*', name: 'nowhere', component: () => import('./shell/NotFound.vue') },
    { path: '/:rest(.*)*', name: 'barred', component: () => import('./shell/NotFound.vue') },
  ],
})

router.beforeEach(async (to, from) => {
  const needs = to.meta['needs']
  if (typeof needs !== 'string') return true
  try {
    const who = me.value ?? (await whoAmI())
    if (who === null) return { path: '/sign-in', query: { next: to.fullPath } }
    return admitted(to, who, needs, from.path === '/sign-in')
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const kept = remembered()
    if (kept !== null && to.meta['offline'] === true && NEEDS[needs]?.(kept)) {
      me.value = kept
      return true
    }
    // the service does not answer: the sign-in page says so and tries again by itself
    return { path: '/sign-in', query: { next: to.fullPath, unreachable: '1' } }
  }
})

// by now the page's own words have been asked for: its first picture is in the chosen language
router.beforeResolve(async () => void (await wordsThere()))

function admitted(to: RouteLocationNormalized, who: Me, needs: string, signedIn: boolean): true | RouteLocationRaw {
  // the simulator's panel does not exist for whoever may not use it
  const params = { rest: to.path.slice(1).split('/') }
  if (needs === 'simulates' && !maySimulate(who)) return { name: 'nowhere', params }
  const mine = NEEDS[needs]?.(who) === true
  // the address that somebody else left in the sign-in is nothing that this person has asked for
  if (to.meta['home'] === true || (!mine && signedIn)) return { path: homeOf(who) === to.path ? '/wall' : homeOf(who) }
  if (!mine) return { name: 'barred', params }
  return true
}
