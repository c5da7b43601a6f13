// Two builds of one page: files for any plain host, and (--mode single) one HTML file for a USB stick.
import { defineConfig, type Plugin } from "vite";

/** Everything the page loads, so that it works without a network after the first visit. */
function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      const files = Object.keys(bundle).filter((name) => !name.endsWith(".map"));
      const version = files.join(" ").split("").reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) >>> 0, 7);
      const source = `const CACHE = "halfclose-${version.toString(16)}";
const FILES = ${JSON.stringify(["./", ...files.filter((name) => name !== "index.html" && name !== "embed.js")])};
self.addEventListener("install", (event) => event.waitUntil(
  caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(
  caches.keys().then((keys) => Promise.all(keys.filter((key) => key.startsWith("halfclose-") && key !== CACHE)
    .map((key) => caches.delete(key)))).then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  // The page comes fresh where there is a network; all else has its content in its name. The book is not kept.
  const page = event.request.mode === "navigate" && !new URL(event.request.url).pathname.includes("/book/");
  event.respondWith(page
    ? fetch(event.request).catch(() => caches.match("./", { ignoreSearch: true }))
    : caches.match(event.request, { ignoreSearch: true }).then((kept) => kept ?? fetch(event.request)));
});
`;
      this.emitFile({ type: "asset", fileName: "sw.js", source });
    },
  };
}

/** Script and style go into the HTML file itself. */
function oneFile(): Plugin {
  return {
    name: "one-file",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      const html = bundle["index.html"];
      if (html?.type !== "asset") return;
      let text = String(html.source);
      for (const [name, item] of Object.entries(bundle)) {
        const file = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
        if (item.type === "chunk" && item.isEntry) {
          // What is imported later is here already; there is nothing to load before it.
          const code = item.code.replace(/__VITE_PRELOAD__/g, "void 0").replace(/<\/script/g, "<\\/script");
          text = text.replace(new RegExp(`<script[^>]*src="\\./${file}"[^>]*></script>`), "");
          text = text.replace("</body>", () => `<script type="module">${code}</script></body>`);
          delete bundle[name];
        } else if (item.type === "asset" && name.endsWith(".css")) {
          text = text.replace(new RegExp(`<link[^>]*href="\\./${file}"[^>]*>`), () => `<style>${item.source}</style>`);
          delete bundle[name];
        }
      }
      html.source = text;
    },
  };
}

export default defineConfig(({ mode }) => {
  const single = mode === "single";
  return {
    base: "./",
    clearScreen: false,
    // The course's texts lie beside the page.
    server: { fs: { allow: [".."] } },
    plugins: single ? [oneFile()] : [serviceWorker()],
    define: { __SINGLE__: JSON.stringify(single) },
    build: {
      target: "es2022",
      modulePreload: false,
      assetsInlineLimit: single ? 1e9 : 4096,
      cssCodeSplit: false,
      rollupOptions: single ? { output: { codeSplitting: false } } : { input: { index: "index.html", embed: "src/embed.ts" },
        output: { entryFileNames: (chunk) => (chunk.name === "embed" ? "embed.js" : "assets/[name]-[hash].js") } },
    },
  };
});
