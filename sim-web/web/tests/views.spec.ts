import AxeBuilder from "@axe-core/playwright";
import { expect, moment, prepared, test } from "./site";

const VIEWS = ["states", "ports", "fds", "log", "sockets", "sequence", "mysql", "series", "terminal", "compare", "scenario"];

for (const lang of ["en", "zh"]) {
  for (const theme of ["light", "dark"] as const) {
    test(`axe finds nothing: ${lang}, ${theme}`, async ({ page, open }) => {
      test.setTimeout(120_000);
      await page.emulateMedia({ colorScheme: theme });
      await open("v=1&s=tiny&t=16.99s&views=states", `?lang=${lang}`);
      for (const view of VIEWS) {
        if (view !== "states") await page.locator(`.tabs [data-view=${view}]`).click();
        await expect(page.locator(`hc-view-${view}`)).toBeVisible();
        if (view === "sockets") await page.locator("hc-view-sockets button.link").first().click();
        if (view === "scenario") await expect(page.locator("hc-view-scenario textarea")).toHaveValue(/format/);
        if (view === "terminal") await expect(page.locator(".ps1")).toContainText("root@");
        const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
        const told = found.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary ?? ""}`).join(" | ")}`);
        expect(told, view).toEqual([]);
        if (view !== "states") await page.locator(`.tabs [data-view=${view}]`).click();
      }
    });
  }
}

test("no view is wider than a phone", async ({ page, open }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await open("v=1&s=tiny&t=16.99s&views=states", "?lang=zh");
  for (const view of VIEWS) {
    await page.locator(`.tabs [data-view=${view}]`).click();
    await expect(page.locator(`hc-view-${view}`)).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollWidth), view).toBeLessThanOrEqual(360);
  }
});

test("sockets are filtered, sorted, followed; what is unread is shown in hex and text", async ({ page, open }) => {
  await open("v=1&s=tiny&t=16.99s&views=sockets,sequence");
  const view = page.locator("hc-view-sockets");
  await view.getByRole("searchbox").fill("close-wait recv-q=132");
  await expect(view.locator("tbody tr")).toHaveCount(4);
  await view.getByRole("button", { name: "Recv-Q" }).click();
  await expect(view.locator("th[aria-sort=ascending]")).toContainText("Recv-Q");
  await view.locator("tbody button.link").first().click();
  await expect(view.locator(".hex")).toContainText("8.3.0");
  await expect(view.locator(".hex")).toContainText("38 2e 33 2e 30");
  await expect(view.locator(".detail")).toContainText("131 bytes");
  const port = (await view.locator("tr.followed button").innerText()).split(":")[1];
  await expect(page.locator("hc-view-sequence .hint").first()).toContainText(String(port));
  await expect(page.locator("hc-view-sequence svg")).toContainText("ESTABLISHED → CLOSE-WAIT: FIN arrived");
});

test("the state graph counts what is there and leads to it", async ({ page, open }) => {
  await open("v=1&s=tiny&t=16.99s");
  await expect(page.getByRole("button", { name: /CLOSE-WAIT\s*9/ })).toBeVisible();
  await page.getByRole("button", { name: /CLOSE-WAIT\s*9/ }).press("Enter");
  await expect(page.locator("hc-view-sockets tbody tr")).toHaveCount(9);
});

test("limits, slots and the process list stand as the scenario says", async ({ page, open }) => {
  await open("v=1&s=tiny&t=6s&views=fds,mysql");
  await expect(page.locator("hc-view-fds [role=meter]").first()).toHaveAttribute("aria-valuenow", "12");
  await expect(page.locator("hc-view-fds .bar.full")).toHaveCount(1);
  await expect(page.locator("hc-view-mysql tbody tr")).toHaveCount(5);
  await expect(page.locator("hc-view-mysql .slots .waiting")).toHaveCount(4);
});

test("the way of the next connect() and what it costs", async ({ page, open }) => {
  await open("v=1&s=tiny&t=6s&views=ports");
  await page.getByRole("checkbox", { name: /Path of the next/ }).check();
  await expect(page.locator("hc-view-ports .probe")).toContainText("127.0.0.1:3306 inspects");
  await expect(page.locator("hc-view-ports .cell.probed i")).not.toHaveCount(0);
  await page.keyboard.press("End");
  await expect(page.locator("hc-view-ports .probe")).toContainText("inspects all 16 candidates");
});

test("the shell knows the commands of the write-up", async ({ page, open }) => {
  await open("v=1&s=tiny&t=16.99s&views=terminal,states");
  const line = page.getByRole("textbox", { name: "Command" });
  const output = page.locator("pre.terminal");
  await expect(page.locator(".ps1")).toContainText("root@host");
  await line.fill("netstat -ant | grep CLOSE_WAIT | wc -l");
  await line.press("Enter");
  await expect(output).toContainText("\n9\n");
  await line.fill("sysctl -w net.ipv4.ip_local_port_range='40000 40031'");
  await line.press("Enter");
  await line.fill("cat /proc/sys/net/ipv4/ip_local_port_range");
  await line.press("Enter");
  await expect(output).toContainText("40000\t40031");
  await expect(page.locator("hc-faults .done li")).toHaveCount(1);
});

test("a fork differs from the first event its knob changes", async ({ page, open }) => {
  await open("v=1&s=tiny&t=4.9s&views=compare,ports");
  await prepared(page);
  await page.keyboard.press("f");
  await page.locator("hc-view-compare select").nth(1).selectOption("nofile");
  await page.getByRole("textbox", { name: "New value" }).fill("64");
  await page.getByRole("button", { name: "Change it now" }).click();
  await expect(page.locator("hc-view-compare")).toContainText("Changed in B");
  await page.getByRole("button", { name: "Find the first difference" }).click();
  await expect(page.locator("hc-view-compare .parting")).toContainText("EMFILE");
  await page.getByRole("button", { name: "Go there" }).click();
  await expect.poll(() => moment(page)).toBeGreaterThan(5);
  await page.keyboard.press("End");
  await expect(page.locator("hc-view-compare .differs").first()).toBeVisible();
});

test("things can be broken", async ({ page, open }) => {
  await open("v=1&s=two-hosts&t=3s&views=log,fds");
  await page.getByText("Break something").click();
  for (const fault of ["drop", "partition", "restart", "client"]) {
    const before = await page.locator("hc-faults .done li").count();
    await page.locator(`[data-fault=${fault}]`).click();
    await expect.poll(() => page.locator("hc-faults .done li").count(), { message: fault }).toBeGreaterThan(before);
  }
  await expect(page.locator("hc-view-fds")).toContainText("The process has ended");
  await page.getByRole("button", { name: "Undo all changes" }).click();
  await expect(page.locator("hc-faults .done li")).toHaveCount(0);
});

test("the name server can stall, where there is one", async ({ page, open }) => {
  await open("v=1&s=traced&t=1s&views=log");
  await page.getByText("Break something").click();
  await page.locator("[data-fault=dns]").click();
  await expect(page.locator("[data-fault=dns]")).toHaveText("Let DNS answer");
  await expect(page.locator("hc-faults .done li")).toHaveCount(1);
});

test("a wrong text is told at its place", async ({ page, open }) => {
  await open("v=1&s=tiny&views=scenario");
  const area = page.locator("hc-view-scenario textarea");
  await expect(area).toHaveValue(/format = 1/);
  await area.fill("format = 1\nextends = \"tiny\"\nsede = 4\n");
  await expect(page.locator(".problem")).toContainText("line 3, column 1");
  await expect(page.locator(".problem")).toContainText("seed");
  await expect(page.locator(".lines .bad")).toHaveText("▸3");
  await expect(page.getByRole("button", { name: "Run this" })).toBeDisabled();
});

test("everything by keyboard alone", async ({ page, open }) => {
  await open();
  const reach = async (name: string | RegExp) => {
    for (let at = 0; at < 80; at++) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate(() => {
        const node = document.activeElement as HTMLElement;
        return node.getAttribute("aria-label") ?? node.textContent ?? "";
      });
      if (typeof name === "string" ? focused === name : name.test(focused)) return;
    }
    throw new Error(`${name} cannot be reached`);
  };
  await reach("Kill the session");
  await page.keyboard.press("Space");
  await expect(page.getByRole("button", { name: "Pause" }).first()).toBeVisible();
  await page.keyboard.press("Space");
  await reach("MySQL");
  await page.keyboard.press("Enter");
  await expect(page.locator("hc-view-mysql")).toBeVisible();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("]");
  await expect(page.locator("hc-transport select").last()).toHaveValue("2");
});

test("steps are told to who cannot see them", async ({ page, open }) => {
  await open("v=1&s=tiny&t=5s");
  await page.keyboard.press("Shift+ArrowRight");
  const told = page.locator("[data-narration]");
  await expect(told).toContainText("CLOSE-WAIT");
  const first = await told.innerText();
  await page.keyboard.press("Shift+ArrowRight");
  await expect(told).not.toHaveText(first);
});

test("little moves where little shall", async ({ page, open }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await open("v=1&s=tiny&t=5s");
  await page.keyboard.press(".");
  await expect.poll(() => page.evaluate(() => document.getAnimations().filter((one) => one.playState === "running").length)).toBe(0);
});

const ALL = ["states", "ports", "fds", "sockets", "mysql", "series", "log", "sequence"];

/** Tall enough for all that is shown. */
for (const [place, width, height] of [["phone", 360, 1000], ["tablet", 820, 4300], ["projector", 1600, 2200]] as const) {
  for (const theme of ["light", "dark"] as const) {
    test(`looks as it did: ${place}, ${theme}`, async ({ page, open }) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: theme });
      // A phone shows the first of them.
      const shown = place === "phone" ? ALL.map((first) => [first, ...ALL.filter((view) => view !== first)]) : [ALL];
      for (const views of shown) {
        await open(`v=1&s=tiny&t=6s&views=${views}`, `?${views[0]}`);
        await prepared(page);
        const name = place === "phone" ? `${place}-${views[0]}-${theme}` : `${place}-${theme}`;
        await expect(page).toHaveScreenshot(`${name}.png`, { scale: "css" });
      }
    });
  }
}
