import { defineConfig } from "@playwright/test";

// Over the built site: `cargo xtask site` first, or `cargo xtask test --only page` for all of it.
export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  fullyParallel: true,
  workers: 2,
  retries: 0,
  timeout: 60_000,
  reporter: [["line"]],
  snapshotPathTemplate: "tests/baseline/{arg}{ext}",
  expect: { timeout: 15_000, toHaveScreenshot: { maxDiffPixelRatio: 0.03, animations: "disabled", caret: "hide" } },
  use: {
    browserName: "chromium",
    viewport: { width: 1400, height: 900 },
    locale: "en-US",
    colorScheme: "light",
    serviceWorkers: "block",
    launchOptions: {
      executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
});
