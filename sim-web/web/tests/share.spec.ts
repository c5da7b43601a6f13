import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { digest, expect, moment, prepared, PROGRAM, programDigest, serve, SITE, test } from "./site";

test("a link leads to the same moment, with what was done", async ({ page, open, context, site }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: site });
  await open("v=1&s=tiny&seed=5&t=3s&views=sockets,ports");
  await page.keyboard.press("k");
  await expect(page.locator("hc-faults .done li")).toHaveCount(1);
  await page.keyboard.press("PageDown");
  await expect.poll(() => moment(page)).toBeGreaterThan(3);
  const there = [await moment(page), await digest(page)];
  await page.getByRole("button", { name: "Share" }).click();
  const link = await page.getByRole("textbox", { name: "Link to exactly this" }).inputValue();
  expect(link.length).toBeLessThan(200);
  await page.getByRole("button", { name: "Copy" }).first().click();
  await expect(page.getByText("Copied")).toBeVisible();
  const other = await context.newPage();
  await other.goto(link);
  await expect(other.locator("hc-view-sockets")).toBeVisible();
  await expect.poll(async () => [await moment(other), await digest(other)]).toEqual(there);
});

test("links of other versions are refused in words, bad parts are named", async ({ page, open }) => {
  await open("v=9&s=tiny");
  await expect(page.getByRole("alert")).toContainText("version 9");
  await open("v=1&s=tiny&t=soon&seed=x");
  await page.reload();
  await expect(page.getByRole("alert")).toContainText("seed=x");
});

test("what is taken along runs to the same digest in the program", async ({ page, open }, info) => {
  await open("v=1&s=tiny&t=3s");
  await page.keyboard.press("k");
  await expect(page.locator("hc-faults .done li")).toHaveCount(1);
  await page.getByRole("button", { name: "Share" }).click();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Scenario (TOML)" }).click()]);
  const path = info.outputPath("taken.toml");
  writeFileSync(path, readFileSync(await file.path()));
  await page.getByRole("button", { name: "Close", exact: true }).click();
  await prepared(page);
  await page.keyboard.press("End");
  await expect.poll(() => moment(page)).toBe(30);
  expect(await digest(page)).toBe(await programDigest(path, "--until", "30s"));
});

test("a text of one's own travels in the link", async ({ page, open }) => {
  await open("v=1&s=tiny&views=scenario");
  const area = page.locator("hc-view-scenario textarea");
  await expect(area).toHaveValue(/format = 1/);
  await area.fill((await area.inputValue()).replace("40000 40015", "40000 40007"));
  await page.getByRole("button", { name: "Run this" }).click();
  await page.getByRole("button", { name: "Ports", exact: true }).click();
  await expect(page.locator("hc-view-ports .cell")).toHaveCount(8);
  await page.getByRole("button", { name: "Share" }).click();
  const link = await page.getByRole("textbox", { name: "Link to exactly this" }).inputValue();
  await page.goto("about:blank");
  await page.goto(link);
  await expect(page.locator("hc-view-ports .cell")).toHaveCount(8);
});

test("packets and pictures can be taken along", async ({ page, open }) => {
  await open("v=1&s=one-connection&t=12s&views=states,sequence");
  await expect(page.locator("hc-view-sequence svg .segment").first()).toBeVisible();
  await page.getByRole("button", { name: "Share" }).click();
  const [svg] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "SVG: State graph" }).click()]);
  expect(readFileSync(await svg.path(), "utf8")).toContain("ESTABLISHED");
  const [capture] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /pcapng/ }).click()]);
  expect(readFileSync(await capture.path()).readUInt32LE(0)).toBe(0x0a0d0d0a);
});

test("an element puts it into another page", async ({ page }) => {
  const { url, server } = await serve({
    "/lesson.html": `<!doctype html><html lang="zh"><script type="module" src="embed.js"></script><p>x</p>
      <half-close scenario="tiny" at="6s" views="ports">a picture</half-close></html>`,
  });
  await page.goto(`${url}lesson.html`);
  const frame = page.frameLocator("half-close iframe");
  await expect(frame.locator("hc-view-ports .cell")).toHaveCount(16);
  await expect(frame.locator("hc-view-ports .cell.free")).toHaveCount(7);
  await expect(frame.locator("h2")).toHaveText("端口");
  server.close();
});

test("the book stands beside the page, in either language", async ({ page, open, site }) => {
  await open("v=1&s=tiny&t=6s");
  await page.getByRole("link", { name: "Book" }).click();
  await expect(page.locator("main h1")).toHaveText("Introduction");
  await page.getByRole("link", { name: "中文" }).click();
  await expect(page.locator("html")).toHaveAttribute("lang", "zh");
  await page.goto(`${site}?lang=zh#v=1&s=tiny&t=6s`);
  await page.getByRole("link", { name: "手册" }).click();
  await expect(page.locator("html")).toHaveAttribute("lang", "zh");
});

test("a chapter's frame moves on the screen and is a picture on paper", async ({ page, site }) => {
  await page.goto(`${site}book/zh/how/ports.html`);
  await expect(page.frameLocator("half-close iframe").locator("hc-view-ports .cell")).toHaveCount(16);
  // mdBook shows each picture twice, the second when it is clicked.
  const still = page.locator(".still img").first();
  await expect(still).toBeHidden();
  await page.emulateMedia({ media: "print" });
  await expect(page.locator("half-close")).toBeHidden();
  await expect(still).toBeVisible();
  expect(await still.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(100);
});

test("one file works from a disk", async ({ page }) => {
  await page.goto(`file://${SITE}/halfclose.html#v=1&s=tiny&t=6s&views=ports,scenario`);
  await expect(page.getByRole("link", { name: "Book" })).toHaveCount(0);
  await expect(page.locator("hc-view-ports .cell.free")).toHaveCount(7);
  await expect(page.locator("hc-view-scenario textarea")).toHaveValue(/format = 1/);
});

test.describe("without a network", () => {
  test.use({ serviceWorkers: "allow" });
  test("the page works after the first visit", async ({ page, context }) => {
    const { url, server } = await serve();
    await page.goto(url.replace("127.0.0.1", "localhost"));
    await page.evaluate(async () => { await navigator.serviceWorker.ready; });
    await expect.poll(() => page.evaluate(async () => (await caches.keys()).length)).toBeGreaterThan(0);
    server.closeAllConnections();
    server.close();
    await context.setOffline(true);
    await page.reload();
    await expect(page.locator("hc-view-ports .cell")).toHaveCount(16);
    await page.getByRole("button", { name: "Scenario", exact: true }).click();
    await expect(page.locator("hc-view-scenario textarea")).toHaveValue(/format = 1/);
  });
});

test("the program serves the page at a link", async ({ page }) => {
  const child = spawn(PROGRAM, ["web", "v=1&s=tiny&t=6s&views=ports", "--site", SITE]);
  try {
    const address = await new Promise<string>((told) => child.stdout.once("data", (data: Buffer) => told(String(data).trim())));
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#v=1/);
    await page.goto(address);
    await expect(page.locator("hc-view-ports .cell.free")).toHaveCount(7);
  } finally {
    child.kill();
  }
});
