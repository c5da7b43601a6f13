// What the tests share: the built site on a port of its own, and a few words for what one does on the page.

import { test as base, expect, type Page } from "@playwright/test";
import { execFile } from "node:child_process";
import { createReadStream, existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, extname, join, normalize, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const HERE = dirname(fileURLToPath(import.meta.url));
export const ROOT = resolve(HERE, "../../..");
export const SITE = process.env.HALFCLOSE_SITE ?? join(ROOT, "target/site");
export const PROGRAM = join(ROOT, "target/debug/halfclose");

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".svg": "image/svg+xml",
};

/** A plain file host, as plain as they come. */
export async function serve(extra: Record<string, string> = {}): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "/").split("?")[0] ?? "/");
    const own = extra[path];
    if (own !== undefined) {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(own);
      return;
    }
    const file = join(SITE, normalize(path === "/" ? "/index.html" : path));
    if (!file.startsWith(SITE) || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}

export const test = base.extend<{ open: (hash?: string, query?: string) => Promise<void> }, { site: string }>({
  site: [async ({}, use) => {
    const { url, server } = await serve();
    await use(url);
    server.close();
  }, { scope: "worker" }],
  open: async ({ page, site }, use) => {
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => { if (message.type() === "error") problems.push(message.text()); });
    await use(async (hash = "", query = "") => {
      await page.goto(`${site}${query}${hash ? `#${hash}` : ""}`);
      await page.locator(hash.startsWith("course") ? ":is(hc-course, .course-brief) h1" : ".view").first().waitFor();
    });
    expect(problems, "errors on the page").toEqual([]);
  },
});
export { expect };

/** The fingerprint in sight. */
export const digest = (page: Page) => page.locator(".digest").innerText();

/** The moment in sight, in seconds. */
export const moment = async (page: Page) => Number.parseFloat(await page.locator("hc-transport output").innerText());

/** Waits until the first pass over the scenario is over. */
export const prepared = (page: Page) => page.locator("hc-transport .ahead.done").waitFor({ timeout: 45_000 });

/** What the program says to the same. */
export async function program(...args: string[]): Promise<string> {
  try {
    return (await promisify(execFile)(PROGRAM, args, { maxBuffer: 1 << 26 })).stdout;
  } catch (error) {
    // 1: an expectation of the scenario failed, as it may where something was done to it.
    const { code, stdout } = error as { code: number; stdout: string };
    if (code === 1) return stdout;
    throw error;
  }
}

/** The digest of the program's run of a scenario. */
export async function programDigest(...args: string[]): Promise<string> {
  return (JSON.parse(await program("run", ...args, "--json")) as { digest: string }).digest;
}
