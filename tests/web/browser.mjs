// A real browser, and calls beside it to see what the server says.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

export const url = process.env.CREDENCE_URL;

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// One browser with a profile of its own. Whatever a page asks of another host, and whatever it
// complains of, is kept for `assertClean`.
export class Browser {
  foreign = [];
  complaints = [];

  static async open(options = {}) {
    const browser = new Browser();
    browser.profile = mkdtempSync(join(tmpdir(), "credence-chromium-"));
    browser.context = await chromium.launchPersistentContext(browser.profile, {
      executablePath: process.env.CHROMIUM, headless: true, args: FLAGS,
      viewport: { width: 1440, height: 900 }, ...options,
    });
    browser.context.setDefaultTimeout(60_000);
    browser.context.on("request", (request) => {
      if (/^https?:/.test(request.url()) && !request.url().startsWith(url)) browser.foreign.push(request.url());
    });
    browser.context.on("console", (message) => {
      if (message.type() === "error") browser.complaints.push(`${message.text()} ${message.location().url}`);
    });
    browser.context.on("weberror", (error) => browser.complaints.push(String(error.error())));
    return browser;
  }

  async close() {
    await this.context.close();
    rmSync(this.profile, { recursive: true, force: true });
  }

  async page(path, settle = "main h1") {
    const page = await this.context.newPage();
    await page.goto(url + path);
    await page.waitForSelector(settle);
    return page;
  }

  assertClean() {
    assert.deepEqual(this.foreign, [], "the page asked another host");
    assert.deepEqual(this.complaints, [], "the browser complained");
  }
}

export async function call(method, request) {
  const response = await fetch(`${url}/credence.v1.${method}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request),
  });
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}

export async function treeSize() {
  const { treeHead } = await call("LedgerService/GetTreeHead", {});
  return Number(treeHead.treeSize);
}

// A question that is open, in a network of its own with something to report on.
export async function makeRain(id) {
  await call("QuestionService/CreateQuestion", {
    questionId: id,
    question: {
      title: "Will it rain on the day of the fair?", closeTime: "2040-01-01T00:00:00Z",
      prior: { fixed: { probabilities: [0.2, 0.8] } }, tags: ["weather"],
    },
  });
}

// As the page and the command line write a probability.
export function percent(probability) {
  const extreme = Math.min(probability, 1 - probability);
  return `${(100 * probability).toFixed(extreme > 0 && extreme < 0.001 ? 4 : 2)} %`;
}

// What axe-core finds wrong, one line each.
export async function violations(page) {
  // Evaluated by the debugger, which the page's policy does not bind.
  await page.evaluate(AXE);
  const { violations: found } = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
  }));
  return found.map(({ id, nodes }) =>
    `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 120)} (${node.failureSummary.split("\n")[1]?.trim()})`).join(" | ")}`);
}

// Whether anything makes the page wider than its window.
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
