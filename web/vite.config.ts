// How the screens are built. Out: ../dashboard_api/static, served by the service at "/".
// In: src/main.ts. Two builds of the same tree are byte-identical: the build's name is the hash of its sources.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const here = import.meta.dirname

function sourceHash(): string {
  const hash = createHash('sha256')
  const files = readdirSync(join(here, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  for (const file of [...files, join(here, 'index.html'), join(here, 'package-lock.json')]) hash.update(readFileSync(file))
  return hash.digest('hex').slice(0, 12)
}

// Files that load together are one file: many small ones pack worse (desk and wall 90.0 kB, so 86.2), and each is a request.
const named = (...files: string[]): RegExp => new RegExp(`/src/(?:${files.join('|')})\\.(?:ts|vue)$|node_modules/|plugin-vue:export-helper`)
/** every page needs these, and what they need */
const BASE = named('router', 'texts/(?:index|both)', 'words/time', 'live/useLive', 'alerts/(?:words|LevelShape)', 'sound/speaker')
/** every page with the header of the desk and the wall */
const WATCH = named('shell/HeaderBar', 'states/Banners', 'sound/useSound', 'desk/(?:preferences|keys|call)', 'texts/desk', 'map/place')

export default defineConfig({
  base: '/',
  plugins: [vue()],
  define: { __BUILD__: JSON.stringify(sourceHash()), __VUE_OPTIONS_API__: 'false' },
  worker: { format: 'es' },
  build: {
    outDir: '../dashboard_api/static',
    emptyOutDir: true,
    assetsDir: 'assets',
    target: 'chrome111',
    manifest: true,
    modulePreload: { polyfill: false }, // every browser of the target has it
    reportCompressedSize: true,
    rollupOptions: {
      // the service worker stands at the root, or it could not serve the pages; its name never changes
      input: { index: join(here, 'index.html'), sw: join(here, 'src/sw.ts') },
      output: {
        entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
        codeSplitting: { groups: [{ name: 'base', test: BASE, priority: 2 }, { name: 'watch', test: WATCH, priority: 1 }] },
      },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8000' } },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts'], restoreMocks: true },
})
