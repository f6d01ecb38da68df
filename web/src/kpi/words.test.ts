import { expect, it } from 'vitest'
import { office as o } from '../texts/office'

it('a figure of time is called by its limit', () => {
  const { figures, seconds, minutes } = o.value.kpi
  expect([figures.ack60(seconds(60)), figures.ack180(seconds(180)), figures.arrive10(minutes(10)), figures.family60(seconds(60))]).toEqual(['60 秒内接警', '180 秒内接警', '10 分钟内到场', '接警后 60 秒内告知家属'])
})
