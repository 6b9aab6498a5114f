// The page as people use it, in Chromium, on the case of examples/afghanistan-2021.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";

import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";

import { LedgerService } from "./gen/credence/v1/ledger_service_pb.js";
import { Browser, call, makeRain, overflow, percent, treeSize, url, violations } from "./browser.mjs";

const CHINA = "/questions/china-recognizes";
const DAY = "2021-11-02T12:00:00Z";
const TRANSFER_BYTES_MAX = 300 * 1024;

let browser;

before(async () => {
  browser = await Browser.open();
});
after(() => browser?.close());

test("the list finds a question by words and filters, and draws its history", async () => {
  const page = await browser.page("/", ".rows .row");
  assert.equal(await page.locator(".rows .row").count(), 3);
  await page.waitForSelector(".row svg.spark path");
  await page.getByRole("searchbox").fill("china will jointly");
  await page.waitForFunction(() => document.querySelectorAll(".rows .row").length === 1);
  assert.match(page.url(), /q=china/);
  await page.getByRole("searchbox").fill("nothing has these words");
  await page.getByText("No question fits").waitFor();
  await page.goto(`${url}/?tag=coordination`);
  await page.waitForFunction(() => document.querySelectorAll(".rows .row").length === 1);
  await page.getByRole("link", { name: /jointly/ }).click();
  await page.getByRole("heading", { level: 1, name: /jointly/ }).waitFor();
  await page.close();
});

test("a question shows the server's numbers to the last digit", async () => {
  const page = await browser.page(`${CHINA}?at=${DAY}`, "#bridge .sum");
  const target = { name: "questions/china-recognizes", effectiveTime: DAY };
  const { posterior } = await call("InferenceService/QueryPosterior", { target });
  const explained = await call("InferenceService/ExplainPosterior", { target });
  const pool = await call("ForecastService/GetPool", { parent: target.name, effectiveTime: DAY });
  const model = page.locator(".headline.model > strong");
  assert.equal(await model.textContent(), percent(posterior.states[0].probability));
  assert.equal(await page.locator(".headline.pool > strong").textContent(), percent(pool.probabilities[0].probability));
  assert.equal(await page.locator(".bridge-row").count(), explained.steps.length + 1);
  const sum = await page.locator(".bridge-row.sum .bridge-value").textContent();
  assert.ok(sum.includes(percent(explained.probability)), sum);
  assert.ok(sum.includes(Math.abs(explained.logOddsDecibans).toFixed(2)), sum);
  for (const id of ["history", "bridge", "whatif", "forecasters", "watch", "tornado", "evidence"]) {
    assert.equal(await page.locator(`section#${id}`).count(), 1, id);
  }
  assert.ok((await page.locator(".watch li").count()) > 2);
  await page.close();
});

test("the slider moves the whole page through time, by keyboard too", async () => {
  const page = await browser.page(CHINA, "#bridge .sum");
  const model = page.locator(".headline.model > strong");
  const slider = page.getByRole("slider", { name: /As of/ });
  const now = await model.textContent();
  await slider.focus();
  await page.keyboard.press("Home");
  await page.waitForFunction((old) => document.querySelector(".headline.model > strong").textContent !== old, now);
  await page.waitForFunction(() => document.querySelectorAll(".bridge-row").length < 6);
  assert.match(page.url(), /at=2021-08-15/);
  await page.getByRole("button", { name: /Change after/ }).click();
  await page.waitForFunction(() => !/at=2021-08-15T00:00:00Z/.test(location.href));
  await page.getByRole("button", { name: "Back to now" }).click();
  await page.waitForFunction((old) => document.querySelector(".headline.model > strong").textContent === old, now);
  await page.close();
});

test("a mark on the line opens its evidence, the scale turns to log-odds, a chart is a table", async () => {
  const page = await browser.page(`${CHINA}?at=${DAY}`, "#history .mark");
  await page.locator("#history .mark").first().click({ force: true });
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Counts from").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.locator("#history").getByRole("radio", { name: "Log-odds" }).check();
  await page.waitForSelector("#history .uplot canvas");
  await page.locator("#history").getByRole("button", { name: /^Table/ }).click();
  const rows = await page.locator("#history .data-table tbody tr").count();
  const { histories } = await call("ViewService/BatchGetHistories", { questions: ["questions/china-recognizes"], withPool: true });
  assert.equal(rows, histories[0].model.length + histories[0].pool.length);
  await page.close();
});

test("a chart's file has exact numbers, and its address shows them again after others came", async () => {
  await makeRain("fair-pinned");
  const page = await browser.page("/questions/fair-pinned", "#bridge .sum");
  const [file] = await Promise.all([
    page.waitForEvent("download"), page.locator("#bridge").getByRole("button", { name: /^CSV/ }).click(),
  ]);
  const text = await (await import("node:fs/promises")).readFile(await file.path(), "utf8");
  assert.match(text.split("\r\n")[0], /^step,item,occurred/);
  const { steps } = await call("InferenceService/ExplainPosterior", { target: { name: "questions/fair-pinned" } });
  assert.ok(text.includes(String(steps[0].weightDecibans)), text);
  const link = await page.locator("#bridge").getByRole("link", { name: /Link/ }).getAttribute("href");
  assert.match(link, /pos=\d+/);
  const shown = await page.locator(".headline.model > strong").textContent();
  await call("EvidenceService/CreateEvidence", {
    parent: "questions/fair-pinned",
    evidence: { model: { node: "fair-pinned", summary: "Clouds", likelihoodRatio: 4 } },
  });
  await page.waitForFunction((old) => document.querySelector(".headline.model > strong").textContent !== old, shown);
  await page.goto(url + link);
  await page.waitForSelector("#bridge .sum");
  assert.equal(await page.locator(".headline.model > strong").textContent(), shown);
  assert.equal(await page.locator("section.card.target").getAttribute("id"), "bridge");
  await page.close();
});

test("what if: reports ticked off and one supposed move the answer, and nothing is written", async () => {
  const page = await browser.page(`${CHINA}?at=${DAY}`, ".whatif-result strong");
  const size = await treeSize();
  const after_ = page.locator(".whatif-result strong");
  const before_ = await after_.textContent();
  for (const box of (await page.locator(".ticks input").all()).slice(0, 4)) await box.uncheck();
  await page.waitForFunction((old) => document.querySelector(".whatif-result strong").textContent !== old, before_);
  const withheld = await after_.textContent();
  await page.getByRole("button", { name: "Suppose a report" }).click();
  await page.waitForFunction((old) => document.querySelector(".whatif-result strong").textContent !== old, withheld);
  await page.getByRole("button", { name: "Start over" }).click();
  await page.waitForFunction((old) => document.querySelector(".whatif-result strong").textContent === old, before_);
  assert.equal(await treeSize(), size);
  await page.close();
});

test("from a report to a moved probability, to a forecast, to the resolution, to scores, to the proof", async () => {
  await makeRain("fair");
  const page = await browser.page("/questions/fair", "#bridge .sum");
  const model = page.locator(".headline.model > strong");
  assert.equal(await model.textContent(), "20.00 %");

  await page.locator(".question-actions").getByRole("button", { name: "Add a report" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("What was reported").fill("The barometer falls");
  await dialog.getByRole("slider").fill("6");
  // 20 % are odds of 1 to 4; 6 dB multiply them by 3.98.
  await dialog.locator(".preview").getByText("49.88 %").waitFor();
  const size = await treeSize();
  await dialog.getByRole("button", { name: "Record the report" }).click();
  await dialog.getByText(/^Recorded/).waitFor();
  assert.ok((await treeSize()) > size);
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.waitForFunction(() => document.querySelector(".headline.model > strong").textContent === "49.88 %");
  await page.locator("#bridge").getByRole("button", { name: "The barometer falls" }).waitFor();

  await page.locator(".question-actions").getByRole("button", { name: "Forecast" }).click();
  await dialog.getByLabel("Forecaster").selectOption("analyst-1");
  await dialog.getByRole("spinbutton").fill("70");
  await dialog.locator(".preview").getByText("the pool will stand at 70.00 %").waitFor();
  await dialog.getByRole("button", { name: "Record the forecast" }).click();
  await dialog.getByText(/^Recorded/).waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.waitForFunction(() => document.querySelector(".headline.pool > strong")?.textContent === "70.00 %");

  await page.locator(".question-actions").getByRole("button", { name: "Resolve" }).click();
  await dialog.getByLabel("What came true").selectOption("yes");
  await dialog.getByLabel("Why").fill("It rained from ten o'clock on");
  await dialog.getByRole("button", { name: "Resolve" }).click();
  await dialog.getByText(/^Recorded/).waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.locator(".outcome strong", { hasText: "yes" }).waitFor();
  await page.locator("#scores").getByText("Analyst 1").waitFor();

  await page.getByRole("link", { name: "Scores", exact: true }).click();
  await page.locator("#leaderboard").getByRole("button", { name: "Analyst 1" }).waitFor();
  await page.getByRole("link", { name: "Ledger", exact: true }).click();
  await page.locator('[data-verified="checkpoint"]').waitFor();
  await page.locator("table.events").getByRole("button", { name: "Question resolved" }).first().click();
  await dialog.locator('[data-verified="entry"]').waitFor();
  assert.match(await dialog.locator(".entry-texts").textContent(), /It rained from ten/);
  await page.close();
});

test("subjects are compared in pairs, with the server's numbers and what they say", async () => {
  const say = (forecaster, probability) => ({
    forecaster: `forecasters/${forecaster}`,
    probabilities: [{ state: "yes", probability }, { state: "no", probability: 1 - probability }],
  });
  for (let i = 0; i < 8; ++i) {
    await call("QuestionService/CreateQuestion", {
      questionId: `pair-${i}`,
      question: { title: `Will train ${i} be late?`, closeTime: "2040-01-01T00:00:00Z", tags: ["trains"], withoutModel: true },
    });
    await call("ForecastService/CreateForecast", { parent: `questions/pair-${i}`, forecast: say("analyst-1", 0.8 + 0.01 * i) });
    await call("ForecastService/CreateForecast", { parent: `questions/pair-${i}`, forecast: say("analyst-2", 0.4 + 0.02 * i) });
    await call("QuestionService/ResolveQuestion", { name: `questions/pair-${i}`, resolution: { outcome: "yes" } });
  }
  const page = await browser.page("/scores?tag=trains&subject=forecasters/analyst-2", "#compare tbody tr");
  const row = page.locator("#compare tbody tr", { hasText: "Analyst 1" });
  await row.getByText("worse", { exact: true }).waitFor();
  const { comparisons } = await call("ScoreService/CompareForecasters", {
    subjects: ["forecasters/analyst-2", "forecasters/analyst-1"], rule: "brier.half.timeweighted", filter: { tag: "trains" },
  });
  const [{ difference, questionCount }] = comparisons;
  assert.ok((await row.textContent()).includes(`+${difference.toFixed(4)}`), await row.textContent());
  assert.equal(await row.locator("td").last().textContent(), String(questionCount));
  await page.locator("#compare").getByRole("radio", { name: "All pairs" }).check();
  const cell = page.locator("#compare .matrix tbody tr", { has: page.getByRole("rowheader", { name: "Analyst 1" }) }).locator("td.better");
  assert.ok((await cell.allTextContents()).some((text) => text.startsWith(`−${difference.toFixed(3)}`)));
  await page.close();
});

test("numbers that cannot all be right are pointed out", async () => {
  const ask = (questionId, probability, more) => call("QuestionService/CreateQuestion", {
    questionId,
    question: { title: `Is the dam full ${questionId.slice(4)}?`, closeTime: "2040-01-01T00:00:00Z", prior: { fixed: { probabilities: [probability, 1 - probability] } }, ...more },
  });
  await ask("dam-by-june", 0.4, {});
  await ask("dam-by-may", 0.5, { impliedQuestions: ["questions/dam-by-june"] });
  const page = await browser.page("/questions/dam-by-may", "#bridge .sum");
  const note = page.getByRole("region", { name: "Numbers that do not fit each other" });
  assert.match(await note.textContent(), /Model: Dam by may at 50\.00 % may not be more probable than what it implies, 40\.00 % \(Dam by june\)\. It is 10\.00 pp off\./);
  await note.getByRole("link", { name: "Dam by june" }).click();
  await page.getByRole("heading", { level: 1, name: "Is the dam full by-june?" }).waitFor();
  await page.close();
});

test("a question for a number shows its distribution and its course", async () => {
  execFileSync(process.env.CREDENCE_PROGRAM, ["apply", "-f", process.env.CASE_COUNT, "--endpoint", process.env.CREDENCE_ENDPOINT]);
  const page = await browser.page("/questions/cases-may?at=2025-04-30T20:00:00Z", "#forecasters .plot svg");
  const { posterior } = await call("InferenceService/QueryPosterior", {
    target: { name: "questions/cases-may", effectiveTime: "2025-04-30T20:00:00Z" },
  });
  const median = posterior.numeric.quantiles.find((point) => point.probability === 0.5).value;
  assert.equal(await page.locator(".headline.model > strong").textContent(), String(Number(median.toPrecision(4))));
  assert.equal(await page.locator("#forecasters .quantiles tbody tr").count(), 5);
  await page.waitForSelector("#history .uplot canvas");
  await page.close();
});

test("the network is drawn with every node, its states and its reports, and by keyboard", async () => {
  const page = await browser.page("/networks/afghanistan-2021", ".graph .node");
  const { network } = await call("NetworkService/GetNetwork", { name: "networks/afghanistan-2021" });
  assert.equal(await page.locator(".graph .node").count(), network.model.nodes.length);
  const arcs = network.model.nodes.flatMap((node) => node.parents ?? []).length;
  assert.equal(await page.locator(".graph path.arc").count(), arcs);
  const reports = await page.locator(".badge-text").allTextContents();
  assert.equal(reports.reduce((sum, text) => sum + Number(text), 0), Number(network.evidenceCount));
  const boxes = await page.locator(".graph .node-box").evaluateAll((all) => all.map((box) => box.getBoundingClientRect()).map(({ x, y, right, bottom }) => ({ x, y, right, bottom })));
  for (const [i, a] of boxes.entries()) {
    for (const b of boxes.slice(i + 1)) {
      assert.ok(a.right <= b.x || b.right <= a.x || a.bottom <= b.y || b.bottom <= a.y, "two nodes overlap");
    }
  }
  await page.locator(".graph .node").first().focus();
  await page.keyboard.press("Enter");
  await page.getByText("Reports in force (").waitFor();
  await page.close();
});

test("scores rank the subjects and show how well each was calibrated", async () => {
  await call("QuestionService/ResolveQuestion", {
    name: "questions/russia-recognizes", resolution: { outcome: "no" }, options: { effectiveTime: "2022-10-31T00:00:00Z" },
  });
  const page = await browser.page("/scores?kind=backfilled&subject=forecasters/analyst-1", "#leaderboard tbody tr");
  const board = await call("ScoreService/GetLeaderboard", { rule: "brier.half.timeweighted", backfilled: true });
  assert.equal(await page.locator("#leaderboard tbody tr").count(), board.entries.length);
  await page.waitForSelector("#calibration .plot svg");
  await page.waitForSelector("#course .plot svg");
  await page.close();
});

test("the page shows the digits that the command line shows", async () => {
  const run = (...words) => execFileSync(process.env.CREDENCE_PROGRAM, [...words, "--endpoint", process.env.CREDENCE_ENDPOINT], { encoding: "utf8" });
  for (const id of ["china-recognizes", "russia-recognizes", "joint-recognition"]) {
    const page = await browser.page(`/questions/${id}?at=${DAY}`, "#bridge .sum");
    const model = await page.locator(".headline.model > strong").textContent();
    const printed = /^\S+ +yes +(\S+ %)$/m.exec(run("posterior", "get", id, "--effective-time", DAY));
    assert.equal(model, printed[1], id);
    // The bridge, line by line: weights and where each leads.
    const explained = run("posterior", "explain", id, "--effective-time", DAY);
    for (const text of await page.locator(".bridge-row .bridge-value").allTextContents()) {
      const [, weight, probability] = /^(\S+) dB [→=] (\S+) %$/.exec(text);
      const typed = Number(weight.replace("−", "-")) === 0 ? "0.00" : weight.replace("−", "-").replace("+", "");
      assert.ok(explained.includes(typed) && explained.includes(probability), `${id}: ${text} in\n${explained}`);
    }
    await page.close();
  }
  const page = await browser.page("/scores?kind=backfilled", "#leaderboard tbody tr");
  const board = run("score", "leaderboard", "--backfilled", "--rule", "brier.half.timeweighted");
  for (const mean of await page.locator("#leaderboard tbody tr td:nth-child(3)").allTextContents()) {
    assert.match(board, new RegExp(` ${mean.replace(".", "\\.")} `));
  }
  await page.close();
});

test("the ledger proves inclusion and completeness in the browser", async () => {
  const page = await browser.page("/ledger", '[data-verified="checkpoint"]');
  await page.getByLabel("Position").fill("5");
  await page.locator("form", { has: page.getByLabel("Position") }).getByRole("button").click();
  await page.getByRole("dialog").locator('[data-verified="entry"]').waitFor();
  await page.keyboard.press("Escape");
  await call("LedgerService/RecordStreamHeads", {});
  await page.getByRole("combobox", { name: "Stream" }).fill("forecasters/analyst-1/forecasts");
  await page.locator("form", { has: page.getByRole("combobox", { name: "Stream" }) }).getByRole("button").click();
  await page.locator('[data-verified="stream"]').waitFor();
  const { forecaster } = await call("ForecastService/GetForecaster", { name: "forecasters/analyst-1" });
  assert.equal(await page.locator("ol.complete li").count(), Number(forecaster.forecastCount));
  await page.getByRole("combobox", { name: "Stream" }).fill("forecasters/nobody/forecasts");
  await page.locator("form", { has: page.getByRole("combobox", { name: "Stream" }) }).getByRole("button").click();
  await page.getByText("there is no such stream").waitFor();
  // New events arrive by themselves, and the checkpoint is verified to continue the old one.
  await call("ForecastService/CreateForecaster", { forecasterId: "newcomer", forecaster: {} });
  await page.locator("table.events").getByText("forecasters/newcomer").waitFor();
  await page.getByText("It continues the").waitFor();
  await page.close();
});

test("a server that lies is found out", async () => {
  const bytes = (text) => Buffer.from(text, "base64");
  const flip = (text) => {
    const data = bytes(text);
    data[10] ^= 1;
    return data.toString("base64");
  };
  const lies = {
    GetTile: (answer) => ({ ...answer, content: flip(answer.content) }),
    GetInclusionProof: (answer) => ({ ...answer, inclusionProof: { ...answer.inclusionProof, hashes: answer.inclusionProof.hashes.map(flip) } }),
    GetCheckpoint: (answer) => ({ ...answer, checkpoint: answer.checkpoint.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) - 1}\n`) }),
    GetConsistencyProof: (answer) => ({ ...answer, hashes: (answer.hashes ?? []).slice(1) }),
  };
  await (await browser.page("/ledger", '[data-verified="checkpoint"]')).close();
  for (const [method, lie] of Object.entries(lies)) {
    // The log grows, so that its consistency is asked for too.
    await call("ForecastService/CreateForecaster", { forecasterId: method.toLowerCase(), forecaster: {} });
    const page = await browser.context.newPage();
    await page.route(new RegExp(`/${method}\\b`), async (route) => {
      const response = await route.fetch();
      const schema = LedgerService.method[method[0].toLowerCase() + method.slice(1)].output;
      const told = lie(toJson(schema, fromBinary(schema, await response.body())));
      await route.fulfill({ response, body: Buffer.from(toBinary(schema, fromJson(schema, told))) });
    });
    await page.goto(`${url}/ledger?position=0`);
    await page.getByRole("alert").first().waitFor();
    assert.equal(await page.locator('[data-verified="entry"]').count(), 0, method);
    await page.close();
  }
});

const VIEWS = [
  ["list", "/", ".rows .row"],
  ["question", `${CHINA}?at=${DAY}`, "#bridge .sum"],
  ["resolved", "/questions/fair", "#scores tbody tr"],
  ["network", "/networks/afghanistan-2021", ".graph .node"],
  ["number", "/questions/cases-may?at=2025-04-30T20:00:00Z", "#forecasters .plot svg"],
  ["networks", "/networks", ".rows .row"],
  ["sources", "/sources", ".rows .row"],
  ["ask", "/ask", "form"],
  ["scores", "/scores?kind=backfilled", "#leaderboard tbody tr"],
  ["pairs", "/scores?tag=trains", "#compare tbody tr"],
  ["ledger", "/ledger", '[data-verified="checkpoint"]'],
];

for (const colorScheme of ["light", "dark"]) {
  test(`every view is accessible and fits a desk and a phone, ${colorScheme}`, async () => {
    const other = await Browser.open({ colorScheme });
    try {
      for (const [name, path, ready] of VIEWS) {
        for (const [width, height] of [[1440, 900], [390, 844]]) {
          const page = await other.page(path, ready);
          await page.setViewportSize({ width, height });
          await page.waitForTimeout(400);
          if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}-${width}-${colorScheme}.png`, fullPage: true });
          assert.ok((await overflow(page)) <= 0, `${name} is wider than ${width} pixels`);
          if (width === 1440) assert.deepEqual(await violations(page), [], name);
          await page.close();
        }
      }
      other.assertClean();
    } finally {
      await other.close();
    }
  });
}

test("a thousand questions: the first view stays small, and all of them are found", async () => {
  const items = Array.from({ length: 1000 }, (_, i) => ({
    questionId: `many-${i}`,
    question: {
      title: `Will indicator ${i} of region ${i % 37} exceed its threshold before the end of the year?`,
      resolutionCriteria: "As the statistical office reports it in the first bulletin after the close.",
      closeTime: `20${40 + (i % 20)}-06-01T00:00:00Z`, tags: [`region-${i % 37}`],
      prior: { fixed: { probabilities: [((i % 97) + 1) / 100, 1 - ((i % 97) + 1) / 100] } },
    },
  }));
  await call("QuestionService/BatchCreateQuestions", { items });
  const fresh = await Browser.open();
  try {
    const page = await fresh.context.newPage();
    const devtools = await fresh.context.newCDPSession(page);
    await devtools.send("Network.enable");
    let transferred = 0;
    devtools.on("Network.loadingFinished", ({ encodedDataLength }) => {
      transferred += encodedDataLength;
    });
    const begin = performance.now();
    await page.goto(url);
    await page.waitForSelector(".rows .row");
    const rows = performance.now() - begin;
    await page.waitForSelector(".row svg.spark");
    const lines = performance.now() - begin;
    await page.waitForTimeout(500);
    console.log(`1,000 questions: rows after ${rows.toFixed(0)} ms, lines after ${lines.toFixed(0)} ms, ${(transferred / 1024).toFixed(1)} KiB`);
    assert.ok(transferred < TRANSFER_BYTES_MAX, `${transferred} bytes were sent`);
    assert.ok(transferred > 10_000, "the transfer was not measured");
    const typed = performance.now();
    await page.getByRole("searchbox").fill("indicator 987 ");
    await page.waitForFunction(() => document.querySelectorAll(".rows .row").length === 1);
    console.log(`1,000 questions: searched in ${(performance.now() - typed).toFixed(0)} ms`);
    await page.getByRole("searchbox").fill("");
    await page.waitForFunction(() => document.querySelectorAll(".rows .row").length >= 60);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/thousand.png` });
    fresh.assertClean();
  } finally {
    await fresh.close();
  }
});

test("nothing was asked of another host, and the browser had nothing to complain of", () => {
  browser.assertClean();
});
