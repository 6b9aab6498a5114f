// A newcomer's five minutes: the README's steps, done as they are written, in Chromium.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { stepsOf } from "./readme_steps.mjs";

const { CREDENCE_PROGRAM: program, CREDENCE_ROOT: root } = process.env;
const HEADING = "Five minutes in the browser";
const SLIDES_MAX = 100;
const folder = mkdtempSync(join(tmpdir(), "credence-newcomer-"));
let server;
let browser;

after(async () => {
  await browser?.close();
  if (server !== undefined) {
    server.kill();
    await new Promise((resolve) => server.once("exit", resolve));
  }
  rmSync(folder, { recursive: true, force: true });
});

// What `make demo` does once it has built the program, on a directory of its own.
function runDemo(command) {
  assert.equal(command, "make demo");
  const script = /^demo:.*\n\t@(\S+) \$\(CREDENCE\)$/m.exec(readFileSync(join(root, "Makefile"), "utf8"));
  assert.ok(script, "the Makefile's target demo runs one script");
  const { status, stdout, stderr } = spawnSync(join(root, script[1]), [program, join(folder, "demo")], { encoding: "utf8" });
  assert.equal(status, 0, stdout.slice(-2000) + stderr);
  return stdout.trim().split("\n").slice(-2).map((line) => line.trim());
}

async function waitFor(check, what) {
  for (let left = 600; left > 0; --left) {
    const found = check();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return assert.fail(`waited in vain for ${what}`);
}

// Runs a printed command on free ports; returns the address of its page.
async function serve(line) {
  const ports = ["port", "http-port"].map((name) => join(folder, name));
  server = spawn("bash", ["-c", `exec ${line} --listen 127.0.0.1:0 --http 127.0.0.1:0 --port-file ${ports[0]} --http-port-file ${ports[1]}`], { stdio: "ignore" });
  const port = await waitFor(() => existsSync(ports[1]) && readFileSync(ports[1], "utf8").trim(), "the server");
  return `http://127.0.0.1:${port}`;
}

// Does one step after the other, as somebody who reads and looks.
class Reader {
  lines = [];

  // What is in front: a dialog covers the page.
  async front() {
    const dialog = this.page.locator("dialog[open]");
    return (await dialog.count()) > 0 ? dialog : this.page.locator("body");
  }

  run(command) {
    this.lines = runDemo(command);
  }

  async serve() {
    this.url = await serve(this.lines[0]);
    process.env.CREDENCE_URL = this.url;
    const { Browser } = await import("./browser.mjs");
    browser = await Browser.open();
  }

  async open() {
    const address = new URL(/http:\S+/.exec(this.lines[1])[0]);
    this.page = await browser.page(address.pathname);
  }

  async press(name) {
    const front = await this.front();
    const button = front.getByRole("button", { name, exact: true });
    await button.or(front.getByRole("link", { name, exact: true })).first().click();
  }

  async fill(label, text) {
    await (await this.front()).getByLabel(label, { exact: true }).fill(text);
  }

  async pick(text, label) {
    await (await this.front()).getByLabel(label, { exact: true }).selectOption(text);
  }

  // By the keys, until it says so.
  async slide(text) {
    const front = await this.front();
    const slider = front.getByRole("slider");
    const steps = parseFloat(text.replace("−", "-")) < 0 ? "ArrowLeft" : "ArrowRight";
    for (let left = SLIDES_MAX; !(await front.textContent()).includes(`(${text})`); --left) {
      assert.ok(left > 0, `the slider does not come to ${text}`);
      await slider.press(steps);
    }
  }

  async model(text) {
    await this.page.locator(".headline.model > strong", { hasText: text }).waitFor();
  }

  async read(text) {
    await (await this.front()).getByText(text).first().waitFor();
  }

  async under(heading, ...texts) {
    const section = this.page.getByRole("region", { name: heading, exact: true });
    for (const text of texts) await section.getByText(text, { exact: true }).first().waitFor();
    // Side by side: in one row.
    if (texts.length > 1) {
      const rows = section.locator("tr, li").filter({ hasText: texts[0] });
      assert.ok((await rows.first().textContent()).includes(texts[1]), `“${texts[0]}” stands beside “${texts[1]}”`);
    }
  }
}

test("the README's steps lead from the demo to a verified score", async () => {
  const steps = stepsOf(readFileSync(join(root, "README.md"), "utf8"), HEADING);
  const reader = new Reader();
  for (const { action, values, sentence } of steps) {
    await Promise.resolve(reader[action](...values)).catch((error) => {
      throw new Error(`${sentence}\n${error.message}`, { cause: error });
    });
  }
  browser.assertClean();
});

test("a step that nobody knows how to do is an error", () => {
  const steps = (text) => stepsOf(`# A\n\n## ${HEADING}\n\n1. ${text}\n\n## B\n`, HEADING);
  assert.deepEqual(steps("Press **Go**: it goes. You read `1.5 %`.").map(({ action, values }) => [action, values]),
    [["press", ["Go"]], ["read", ["1.5 %"]]]);
  assert.throws(() => steps("Press `Go`."), /no step is known that says: Press `Go`/);
  assert.throws(() => steps("Press **Go**. Wait a while."), /Wait a while/);
  assert.throws(() => stepsOf("# A\n", HEADING), /no section/);
});
