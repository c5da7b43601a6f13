// Lessons and blind cases, each walked to its end by keyboard alone; what an instructor has; the workshop, offline.

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, ROOT, SITE, test } from "./site";

const COURSE = join(ROOT, "sim-web/course");
const names = (kind: string) => readdirSync(join(COURSE, kind)).sort().map((file) => file.replace(/^\d+-|\.toml$/g, ""));
const LESSONS = names("lessons");
const CASES = names("cases");
const CODE = /code_word = "(.*)"/.exec(readFileSync(join(COURSE, "workshop.toml"), "utf8"))?.[1] ?? "";

test.describe.configure({ timeout: 180_000 });

/** Presses Tab until something that fits has the focus. */
async function reach(page: Page, selector: string): Promise<void> {
  for (let at = 0; at < 60; at++) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${selector} cannot be reached with Tab`);
}

async function press(page: Page, selector: string): Promise<void> {
  await reach(page, selector);
  await page.keyboard.press("Enter");
}

const RADIO = "hc-course .choices input";

/** One lesson from its first question to its end; how many steps it has. */
async function lesson(page: Page): Promise<number> {
  for (let step = 1; ; step++) {
    await page.locator(RADIO).first().waitFor({ timeout: 60_000 });
    const choices = await page.locator(RADIO).count();
    expect(choices).toBeGreaterThanOrEqual(3);
    await reach(page, RADIO);
    for (let down = 0; down < step % choices; down++) await page.keyboard.press("ArrowDown");
    if (step % choices === 0) await page.keyboard.press("Space");
    await page.keyboard.press("Enter");
    await expect(page.locator("hc-course .verdict")).toBeVisible();
    await expect(page.locator("hc-course details li")).toHaveCount(choices - 1);
    await expect(page.locator("hc-course")).not.toContainText(/\{[a-z]|NaN|undefined/);
    if (await page.locator("hc-course .knob").count()) {
      await reach(page, "hc-course .knob select");
      await page.keyboard.press("ArrowDown");
      await press(page, "hc-course .knob button");
      await expect(page.locator("hc-course .knob tbody tr")).toHaveCount(1, { timeout: 60_000 });
      await expect(page.locator("hc-course .knob td.number")).toHaveText(/\d/);
    }
    await press(page, "hc-course > button.primary");
    await page.locator("hc-course .verdict").waitFor({ state: "detached" });
    if (await page.locator("hc-course .course-finished").count()) return step;
  }
}

/** One case: something is typed, three groups are answered, all is explained, the curtain opens. */
async function blind(page: Page): Promise<void> {
  await page.locator(RADIO).first().waitFor({ timeout: 60_000 });
  await expect(page.locator("hc-view-terminal pre")).toContainText("# ", { timeout: 30_000 });
  await expect(page.locator(".view")).toHaveCount(1);
  await expect(page.locator("hc-transport")).toBeHidden();
  for (const part of ["side", "cause", "remedy"]) {
    await reach(page, `${RADIO}[name=${part}]`);
    await page.keyboard.press("Space");
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
  await expect(page.locator("hc-course .score")).toBeVisible();
  await expect(page.locator("hc-course .graded li.good")).toHaveCount(3);
  for (const reason of await page.locator("hc-course .graded li:not(.good)").allInnerTexts()) expect(reason).toMatch(/ — \S{4}/);
}

for (const lang of ["en", "zh"] as const) {
  test(`every lesson is walked to its end by keyboard alone: ${lang}`, async ({ page, open }) => {
    await open(`course=${LESSONS[0]}`, `?lang=${lang}`);
    for (const [at, name] of LESSONS.entries()) {
      expect(page.url()).toContain(`course=${name}`);
      expect(await lesson(page), name).toBeGreaterThanOrEqual(3);
      if (at + 1 < LESSONS.length) {
        await press(page, "hc-course .row > button.primary");
        await expect.poll(() => page.url()).toContain(`course=${LESSONS[at + 1]}`);
      }
    }
  });

  test(`every case is solved by keyboard alone: ${lang}`, async ({ page, open }) => {
    await open(`course=${CASES[0]}`, `?lang=${lang}`);
    for (const [at, name] of CASES.entries()) {
      expect(page.url()).toContain(`course=${name}`);
      await blind(page);
      await press(page, "hc-course .row > button:not(.primary, .link)");
      await expect(page.locator("hc-view-states")).toBeVisible();
      if (at + 1 < CASES.length) {
        await press(page, "hc-course .row > button.primary");
        await expect.poll(() => page.url()).toContain(`course=${CASES[at + 1]}`);
      }
    }
  });
}

test("in a class neighbours have different numbers, and all of them one right answer", async ({ page, open }) => {
  const right = async (seat: number) => {
    await page.goto("about:blank");
    await open(`course=close-wait&seat=${seat}`);
    await page.locator(RADIO).first().check({ timeout: 30_000 });
    await page.locator("hc-course form button").click();
    return page.locator("hc-course .verdict").innerText();
  };
  expect(await right(0)).toMatch(/\b9\b/);
  expect(await right(1)).toMatch(/\b11\b/);
  expect(await right(2)).toMatch(/\b8\b/);
});

test("progress is kept, taken along and brought back", async ({ page, open }) => {
  await open("course=close-wait");
  await page.locator(RADIO).first().check({ timeout: 30_000 });
  await page.locator("hc-course form button").click();
  await expect(page.locator("hc-course .verdict")).toBeVisible();
  await page.reload();
  await page.getByRole("button", { name: "All lessons" }).click();
  await expect(page.locator("hc-course .course-list .good")).toHaveText(/of 1 right/);
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save as a file" }).click()]);
  const saved = await file.path();
  await page.getByRole("button", { name: "Forget it" }).click();
  await expect(page.locator("hc-course .course-list .good")).toHaveCount(0);
  await page.getByLabel("Load from a file").setInputFiles(saved);
  await expect(page.locator("hc-course .course-list .good")).toHaveText(/of 1 right/);
});

test("a teacher's own file becomes a lesson, and what is wrong with one is told", async ({ page, open }) => {
  await open("course");
  const text = readFileSync(join(COURSE, "lessons", readdirSync(join(COURSE, "lessons")).sort()[2] ?? ""), "utf8");
  const own = page.getByLabel(/of your own/);
  await own.setInputFiles({ name: "bad.toml", mimeType: "text/plain", buffer: Buffer.from(text.replace("minutes", "minuets").replace("[[step.wrong]]", "[[step.wrnog]]")) });
  await expect(page.getByRole("alert")).toContainText("minutes: a number is wanted");
  await expect(page.getByRole("alert")).toContainText("minuets: there is no such field");
  await own.setInputFiles({ name: "mine.toml", mimeType: "text/plain", buffer: Buffer.from(text.replace(/title = \["[^"]*"/, "title = [\"A lesson of mine\"")) });
  await expect(page.locator("hc-course h1")).toHaveText("A lesson of mine");
  await page.locator(RADIO).first().waitFor({ timeout: 30_000 });
});

test("the simulator's keys do not answer for the learner", async ({ page, open }) => {
  await open(`course=${CASES[0]}`);
  await page.locator(RADIO).first().waitFor({ timeout: 60_000 });
  await page.locator("hc-course h1").click();
  for (const key of ["1", "End", "k", "f"]) await page.keyboard.press(key);
  await expect(page.locator(".view")).toHaveCount(1);
  await expect(page.locator("hc-view-terminal")).toBeVisible();
});
