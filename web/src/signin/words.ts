/** Words of the sign-in, in both languages: it is opened before anybody has chosen one. */
import { computed } from 'vue'
import { language } from '../texts'
import type { Widen } from '../texts/both'
import type { Refusal } from '../api/client'

const zh = {
  pageTitle: '登录 · 安心', user: '用户名', password: '密码', submit: '登录', busy: '正在登录', hint: '登录后请完成开班声音检查。每次操作都会记名。',
  faults: {
    badCredentials: '用户名或密码不对', tooMany: '试的次数太多，请稍后再试', unreachable: '连不上服务，请检查网络后再试', waiting: '连不上服务，正在重试',
    other: (reason: string) => `登录没有成功（${reason}）`,
  },
}

const en: Widen<typeof zh> = {
  pageTitle: 'Sign in · Anxin', user: 'User name', password: 'Password', submit: 'Sign in', busy: 'Signing in', hint: 'Please do the sound check after signing in. Everything you do is recorded under your name.',
  faults: { badCredentials: 'Wrong user name or password', tooMany: 'Too many attempts, please wait', unreachable: 'The service does not answer; check the network', waiting: 'The service does not answer; trying again', other: (reason) => `Signing in failed (${reason})` },
}

export const words = computed(() => (language.value === 'zh' ? zh : en))

/** Why the sign-in did not work, as people read it. */
export function whyNot(refusal: Refusal): string {
  const { faults } = words.value
  if (refusal.reason === 'bad_credentials') return faults.badCredentials
  if (refusal.reason === 'too_many_attempts') return faults.tooMany
  return refusal.reason === 'unreachable' ? faults.unreachable : faults.other(refusal.reason)
}
