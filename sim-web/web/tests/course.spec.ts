// Lessons and blind cases, each walked to its end by keyboard alone; what an instructor has; the workshop, offline.

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { expect, ROOT, SITE, test } from "./site";

const COURSE = join(ROOT, "sim-web/course");
const names = (kind: string) => readdirSync(join(COURSE, kind)).sort().map((file) => file.replace(/^\d+-|\.toml$/g, ""));
const LESSONS = names("lessons");
const CASES = names("cases");
const file = (name: string) => ["lessons", "cases"].flatMap((kind) => readdirSync(join(COURSE, kind)).map((one) => join(COURSE, kind, one)))
  .find((one) => one.replace(/^.*\/\d+-|\.toml$/g, "") === name) ?? "";
const WORKSHOP = readFileSync(join(COURSE, "workshop.toml"), "utf8");
const CODE = /code_word = "(.*)"/.exec(WORKSHOP)?.[1] ?? "";
/** What is walked in 中文 in the 90-minute workshop, from the one file; the rest is walked in 中文 on the site. */
const PLANNED = new Set([...(WORKSHOP.split("[[plan]]")[1] ?? "").matchAll(/^item = "(.*)"$/gm)].map(([, item]) => item ?? ""));

test.describe.configure({ timeout: 180_000 });

/** No violation that axe knows of, light and dark. */
async function clean(page: Page, where: string, schemes: readonly ("light" | "dark")[] = ["light", "dark"]): Promise<void> {
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
    expect(violations.map((one) => `${one.id}: ${one.nodes[0]?.html}`), `${where}, ${colorScheme}`).toEqual([]);
  }
}

/** Presses Tab until something that fits has the focus; the nth that fits, if so asked. */
async function reach(page: Page, selector: string, key = "Tab", nth = 1): Promise<void> {
  for (let at = 0; at < 100; at++) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector) && --nth === 0) return;
    await page.keyboard.press(key);
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
  const host = await page.locator("hc-view-terminal select").evaluate((node: HTMLSelectElement) => node.selectedOptions[0]?.text);
  await expect(page.locator("hc-view-terminal .prompt .ps1")).toContainText(`@${host} `);
  for (const reason of await page.locator("hc-course .graded li:not(.good)").allInnerTexts()) expect(reason).toMatch(/ — \S.{3}/);
}

/** Opens a lesson or case from the list, by keyboard. */
async function enter(page: Page, id: string): Promise<void> {
  await press(page, `[data-item="${id}"]`);
  await expect.poll(() => page.url()).toContain(`course=${id}`);
}

/** From the end of a lesson or case back to the list. */
async function back(page: Page): Promise<void> {
  await reach(page, ".course-head button", "Shift+Tab", 2);
  await page.keyboard.press("Enter");
  await page.locator(".course-list").first().waitFor();
}

// The longest first, so that no worker is left with it at the end.
test("the 90-minute workshop, in order, by keyboard, from the one file, without a network", async ({ page, context }) => {
  test.setTimeout(400_000);
  await context.setOffline(true);
  await page.goto(`file://${SITE}/halfclose.html?lang=zh#course=instructor&seat=3`);
  await page.locator("hc-course input").first().waitFor();
  await reach(page, "hc-course input");
  await page.keyboard.type(CODE);
  await page.keyboard.press("Enter");
  const items = page.locator('[data-plan="90"] tbody tr');
  const took = (await items.locator("td:nth-child(2)").allInnerTexts()).map((text) => Number.parseInt(text));
  expect(took.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(90);
  const began = await items.evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset.from)));
  expect(began).toEqual([...began].sort((a, b) => a - b));
  const walked: string[] = [];
  for (let at = 0; at < took.length; at++) {
    if (await items.nth(at).locator("td > button").count() === 0) continue;
    await press(page, `[data-plan="90"] tbody tr:nth-child(${at + 1}) td > button`);
    await expect(page).not.toHaveURL(/course=instructor/);
    const name = /course=([\w-]+)/.exec(page.url())?.[1] ?? "";
    if (LESSONS.includes(name)) await lesson(page);
    else await blind(page);
    walked.push(name);
    await page.evaluate(() => { location.hash = "course=instructor"; });
    await items.first().waitFor();
  }
  expect(walked).toEqual([...PLANNED]);
});

const thirds = <T>(list: T[]): T[][] => [0, 1, 2].map((part) => list.filter((_, at) => at % 3 === part));
const LANGUAGES = [["en", "zh-CN"], ["zh", "en"]] as const;

/** Each of a group, first in English, then in 中文 what the workshop leaves out. */
async function each(page: Page, group: readonly string[], walk: (name: string) => Promise<void>): Promise<void> {
  for (const [lang, next] of LANGUAGES) {
    for (const name of group) {
      if (lang === "zh" && PLANNED.has(name)) continue;
      await enter(page, name);
      await walk(name);
      await back(page);
    }
    await press(page, "header .lang");
    await expect(page.locator("html")).toHaveAttribute("lang", next);
  }
}

for (const group of thirds(LESSONS)) {
  test(`walked to the end by keyboard alone: ${group.join(", ")}`, async ({ page, open }) => {
    await open("course");
    await each(page, group, async (name) => expect(await lesson(page), name).toBeGreaterThanOrEqual(3));
  });
}

for (const group of thirds(CASES)) {
  test(`diagnosed by keyboard alone: ${group.join(", ")}`, async ({ page, open }) => {
    await open("course");
    await each(page, group, async (name) => {
      await blind(page);
      await press(page, "hc-course .row > button:not(.primary, .link)");
      await expect(page.locator("hc-view-states")).toBeVisible();
      const at = /^host = "(.*)"$/m.exec(readFileSync(file(name), "utf8"))?.[1];
      await expect(page.locator("hc-view-terminal .prompt .ps1")).toContainText(`@${at} `);
    });
  });
}

test("lessons begin on tiny and end on the incident; cases name real ones and come in three levels", () => {
  const read = (name: string) => parse(readFileSync(file(name), "utf8")) as Record<string, unknown>;
  for (const name of LESSONS) {
    const steps = read(name).step as { preset?: string; toml?: string; knob?: unknown }[];
    const scenario = (at: number) => steps.at(at)?.preset ?? /^extends = "(.*)"$/m.exec(steps.at(at)?.toml ?? "")?.[1];
    expect([scenario(0), scenario(-1)], name).toEqual(["tiny", "incident"]);
    expect(steps.some((step) => step.knob !== undefined), name).toBe(true);
  }
  const readme = readFileSync(join(COURSE, "README.md"), "utf8");
  const sources = new Map(CASES.map((name) => [name, String(read(name).source ?? "")]));
  expect([...sources.values()].filter(Boolean).length).toBeGreaterThanOrEqual(12);
  for (const [name, source] of sources) if (source) expect(readme).toMatch(new RegExp(`^\\| ${source.replace(/[#/]/g, "\\$&")} \\|.*\`${name}\``, "m"));
  expect(new Set(CASES.map((name) => read(name).level))).toEqual(new Set([1, 2, 3]));
  for (const name of CASES) expect(read(name).random, name).toBeDefined();
});

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

test("a case is drawn by the seat: the same for the same, another for another and for another time", async ({ page, open }) => {
  const limit = page.locator("hc-view-terminal pre");
  const drawn = async () => Number(/open files\s+(\d+)/.exec(await limit.innerText())?.[1]);
  const at = async (seat: number) => {
    await page.goto("about:blank");
    await open(`course=page-view&seat=${seat}`);
    await expect(limit).toContainText(/open files\s+\d+/, { timeout: 60_000 });
    return drawn();
  };
  const [one, two, again] = [await at(1), await at(2), await at(1)];
  expect(again).toBe(one);
  expect(two).not.toBe(one);
  for (const part of ["side", "cause", "remedy"]) await page.locator(`${RADIO}[name=${part}]`).first().check();
  await page.locator("hc-course form > button").click();
  await page.getByRole("button", { name: "with other numbers" }).click();
  await page.locator(RADIO).first().waitFor({ timeout: 60_000 });
  await expect(limit).toContainText(/open files\s+\d+/);
  expect(await drawn()).not.toBe(one);
});

test("on a phone a case is read in order: the situation, the terminal, the questions", async ({ page, open }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await open("course=page-view");
  await page.locator(RADIO).first().waitFor({ timeout: 60_000 });
  const tops = await Promise.all([".course-brief", "hc-view-terminal", "hc-course form"].map(async (part) => (await page.locator(part).first().boundingBox())?.y ?? NaN));
  expect(tops).toEqual([...tops].sort((a, b) => a - b));
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  const order = await page.evaluate(() => [".course-brief", ".views", "hc-course"].map((part) => [...document.querySelectorAll("hc-app > *")].indexOf(document.querySelector(part) as Element)));
  expect(order).toEqual([...order].sort((a, b) => a - b));
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

test("an instructor's page opens with the code word, and has plans, a clock, answers, notes and handouts", async ({ page, open }) => {
  await open("course=answers-45");
  await page.getByLabel("Code word").fill("open sesame");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toContainText("not the code word");
  await page.getByLabel("Code word").fill(CODE);
  await page.keyboard.press("Enter");
  for (const minutes of [90, 45]) {
    const plan = page.locator(`[data-plan="${minutes}"]`);
    const took = (await plan.locator("tbody td:nth-child(2)").allInnerTexts()).map((text) => Number.parseInt(text));
    expect(took.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(minutes);
  }
  await page.getByRole("button", { name: "Start the clock" }).last().click();
  await expect(page.locator(".course-clock")).toContainText(/0:0\d of 45:00/);
  await page.locator('[data-plan="45"]').getByLabel("Seats").fill("2");
  await page.locator('[data-plan="45"]').getByRole("button", { name: "Answer sheet" }).click();
  await page.locator(".sheet.ready").waitFor({ timeout: 120_000 });
  const rows = await page.locator(".sheet tbody tr").allInnerTexts();
  expect(rows.length).toBeGreaterThan(10);
  const cells = rows.map((row) => row.split("\t").slice(1));
  expect(cells.every((cell) => cell.length === 2 && cell.every((one) => /\S/.test(one) && one !== "…"))).toBe(true);
  expect(cells.filter(([one, two]) => one !== two).length).toBeGreaterThan(3);
  await clean(page, "answer sheet");
  // The handout of a seat prints without the page around it.
  await page.evaluate(() => { location.hash = "course=handout-45&seat=2"; });
  await page.locator(".sheet.handout.ready").waitFor({ timeout: 120_000 });
  await page.emulateMedia({ media: "print" });
  for (const gone of [".top", ".no-print", "hc-transport", ".views"]) await expect(page.locator(gone)).toBeHidden();
  await expect(page.locator(".sheet .boxes").first()).toBeVisible();
  await expect(page.locator(".sheet .question")).toHaveCount(18);
  expect((await page.pdf({ format: "A4" })).length).toBeGreaterThan(20_000);
  await clean(page, "handout on paper", ["light"]);
  await page.emulateMedia({ media: "screen" });
  await clean(page, "handout");
  await page.locator("header .lang").click();
  await expect(page.locator(".sheet h1")).toContainText("讲义");
  await clean(page, "handout, 中文", ["light"]);
  await page.evaluate(() => { location.hash = "course=answers-45"; });
  await page.locator(".sheet.answers.ready").waitFor({ timeout: 120_000 });
  await clean(page, "answer sheet, 中文", ["dark"]);
  await page.locator("header .lang").click();
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto("about:blank");
  await open("course=close-wait&seat=0");
  await expect(page.locator(".course-notes")).toContainText("Answer: B: 9");
  await page.keyboard.press("p");
  await expect(page.locator(".course-notes")).toBeHidden();
});

test("the book's plans are the page's", () => {
  const data = readFileSync(join(COURSE, "workshop.toml"), "utf8");
  const book = readFileSync(join(ROOT, "book/src/workshop.md"), "utf8");
  const rows = [...book.matchAll(/^\| (\d+):00 \| (\d+) min \| (.*?) \| (.*?) \|$/gm)];
  const entries = [...data.matchAll(/\[\[plan\.entry\]\]\nminutes = (\d+)\n(?:item = "(.*)"\n)?text = \["(.*?)", /g)];
  expect(rows.length).toBe(entries.length);
  let from = 0;
  entries.forEach(([, minutes, item, text], at) => {
    const [, began, took, what, how] = rows[at] ?? [];
    if (began === "0") from = 0;
    expect([began, took], what).toEqual([String(from), minutes]);
    expect(text?.toLowerCase().endsWith(how?.toLowerCase() ?? "-"), `${text} | ${how}`).toBe(true);
    if (item) expect(readFileSync(file(item), "utf8")).toContain(`title = ["${what}"`);
    from += Number(minutes);
  });
  expect(book).toContain(`\`${CODE}\``);
});

for (const lang of ["en", "zh"] as const) {
  test(`axe finds nothing in the course: ${lang}`, async ({ page, open }) => {
    await open("course", `?lang=${lang}`);
    await clean(page, "list");
    await page.locator('[data-item="close-wait"]').click();
    await page.locator(RADIO).first().waitFor({ timeout: 60_000 });
    await clean(page, "question");
    await page.locator(RADIO).first().check();
    await page.keyboard.press("Enter");
    await page.locator(".knob button").click();
    await page.locator(".knob tbody tr").waitFor({ timeout: 60_000 });
    await clean(page, "answer");
    await page.evaluate(() => { location.hash = "course=night-shift"; });
    await page.locator(`${RADIO}[name=remedy]`).first().waitFor({ timeout: 60_000 });
    await clean(page, "case");
    for (const part of ["side", "cause", "remedy"]) await page.locator(`${RADIO}[name=${part}]`).first().check();
    await page.locator("hc-course form > button").click();
    await clean(page, "graded");
    await page.evaluate(() => { location.hash = "course=instructor"; });
    await page.locator("#code-hint").waitFor();
    await clean(page, "gate");
    await page.locator("hc-course input").fill(CODE);
    await page.keyboard.press("Enter");
    await page.locator(".plan").first().waitFor();
    await clean(page, "instructor");
  });
}

test("the simulator's keys do not answer for the learner", async ({ page, open }) => {
  await open(`course=${CASES[0]}`);
  await page.locator(RADIO).first().waitFor({ timeout: 60_000 });
  await page.locator(".course-brief h1").click();
  for (const key of ["1", "End", "k", "f"]) await page.keyboard.press(key);
  await expect(page.locator(".view")).toHaveCount(1);
  await expect(page.locator("hc-view-terminal")).toBeVisible();
});
