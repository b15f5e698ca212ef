// One page, built once for each version of the kit: the mode names the version, `kit` is its half of the page.

import { defineConfig } from "vite";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig(({ mode }) => ({
  root: at("."),
  logLevel: "warn",
  resolve: { alias: { kit: at(`src/kit-${mode}.jsx`), "@cometchat/calls-sdk-javascript": at("src/no-media.js") }, dedupe: ["react", "react-dom", "@cometchat/chat-sdk-javascript"] },
  esbuild: { jsx: "automatic" },
  build: { outDir: at(`dist/${mode}`), emptyOutDir: true, minify: false, reportCompressedSize: false, chunkSizeWarningLimit: 20_000, assetsInlineLimit: 0 },
}));
