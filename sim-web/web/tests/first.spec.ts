import { digest, expect, moment, prepared, programDigest, test } from "./site";

test("a newcomer kills the session and watches the ports run out", async ({ page, open }) => {
  await open();
  await expect(page.locator("hc-view-ports .cell")).toHaveCount(16);
  await expect(page.locator("hc-view-ports .cell.free")).toHaveCount(15);
  await expect(page.locator("hc-story .now")).toContainText("All is well");
  await prepared(page);
  await page.getByRole("button", { name: "Kill the session" }).first().click();
  await expect(page.getByRole("button", { name: "Pause" }).first()).toBeVisible();
  await expect(page.locator("hc-view-ports .cell.free")).toHaveCount(7, { timeout: 40_000 });
  await expect(page.locator("hc-story .now")).toContainText("EMFILE");
  await page.locator("hc-transport select.jump").selectOption({ index: -1 + (await page.locator("hc-transport select.jump option").count()) });
  await expect(page.locator("hc-view-ports .cell.free")).toHaveCount(0);
  await expect(page.locator("hc-story .now")).toContainText("EADDRNOTAVAIL");
});

for (const [preset, seed] of [["tiny", "1"], ["tiny", "7"], ["one-connection", "3"], ["two-hosts", "1"]] as const) {
  test(`the page's digest is the program's: ${preset}, seed ${seed}`, async ({ page, open }) => {
    await open(`v=1&s=${preset}&seed=${seed}`);
    await page.keyboard.press("End");
    const end = await page.evaluate(() => (document.querySelector("hc-app") as unknown as { store: { end: number } }).store.end / 1e9);
    await expect.poll(() => moment(page), { timeout: 40_000 }).toBe(end);
    const until = `${await moment(page)}s`;
    expect(await digest(page)).toBe(await programDigest(preset, "--seed", seed, "--until", until));
  });
}

test("a first look needs half of the simulator, and an action brings the other", async ({ page, open }) => {
  const halves: string[] = [];
  page.on("request", (request) => { if (/sim_(bg|rest)[^/]*\.wasm$/.test(request.url())) halves.push(request.url()); });
  await open();
  await prepared(page);
  const opened = await moment(page);
  await page.keyboard.press("Space");
  await expect.poll(() => moment(page)).toBeGreaterThan(opened);
  await page.keyboard.press("Space");
  await page.keyboard.press("End");
  await expect(page.locator("hc-view-ports .cell.free")).toHaveCount(0);
  await page.keyboard.press("Home");
  await expect.poll(() => moment(page)).toBe(0);
  expect(halves).toHaveLength(1);
  await page.keyboard.press("Shift+ArrowRight");
  await expect.poll(() => moment(page)).toBeGreaterThan(0);
  expect(halves).toHaveLength(2);
});

test("the full incident is one click away", async ({ page, open }) => {
  await open();
  await page.getByRole("button", { name: /full incident/ }).click();
  await expect(page.locator("hc-view-ports canvas")).toBeVisible();
  await expect(page.locator("hc-view-ports .legend").first()).toContainText("28,232 ports");
});

test("time goes both ways, by events and by changes of state", async ({ page, open }) => {
  await open("v=1&s=tiny&t=5s");
  await prepared(page);
  const seen: number[] = [await moment(page)];
  const digests: string[] = [await digest(page)];
  for (let at = 0; at < 4; at++) {
    await page.keyboard.press("Shift+ArrowRight");
    await expect.poll(() => moment(page)).not.toBe(seen.at(-1));
    seen.push(await moment(page));
    digests.push(await digest(page));
  }
  for (let at = 3; at >= 1; at--) {
    await page.keyboard.press("Shift+ArrowLeft");
    await expect.poll(() => moment(page)).toBe(seen[at]);
    expect(await digest(page)).toBe(digests[at]);
  }
  const before = await moment(page);
  await page.keyboard.press("PageDown");
  await expect.poll(() => moment(page)).toBeGreaterThan(before);
  await page.keyboard.press("PageUp");
  await expect.poll(() => moment(page)).toBe(before);
});
