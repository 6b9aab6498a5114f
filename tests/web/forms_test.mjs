// What can be recorded from the page, in Chromium: questions, sources, networks, corrections.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Browser, call, makeRain, treeSize, url, violations } from "./browser.mjs";

let browser;

before(async () => {
  browser = await Browser.open();
});
after(() => browser?.close());

test("questions of each kind are asked in the page, and errors name their field", async () => {
  const page = await browser.page("/ask", "form");
  await page.getByLabel("Question", { exact: true }).fill("Which route will the convoy take?");
  await page.getByRole("radio", { name: "One of several" }).check();
  await page.getByLabel("What may come true").fill("north\ncoast\nsouth");
  await page.getByLabel("north", { exact: true }).fill("50");
  await page.getByLabel("coast", { exact: true }).fill("30");
  await page.getByLabel("south", { exact: true }).fill("20");
  await page.getByLabel("Tags").fill("roads, winter");
  await page.getByRole("button", { name: "Ask it" }).click();
  await page.getByRole("heading", { level: 1, name: "Which route will the convoy take?" }).waitFor();
  const { question } = await call("QuestionService/GetQuestion", { name: "questions/which-route-will-the-convoy-take" });
  assert.deepEqual(question.states, ["north", "coast", "south"]);
  assert.deepEqual(question.publishedPosterior.map(({ probability }) => Number(probability.toFixed(9))), [0.5, 0.3, 0.2]);
  assert.deepEqual(question.tags, ["roads", "winter"]);

  await page.goto(`${url}/`);
  await page.getByRole("link", { name: "Ask a question" }).click();
  await page.getByLabel("Question", { exact: true }).fill("How many trains will be late in May?");
  await page.getByRole("radio", { name: "A number" }).check();
  await page.getByLabel("Unit").fill("trains");
  await page.getByLabel("It is above this with 95 %").fill("100");
  await page.getByLabel("It is below this with 95 %").fill("300");
  await page.getByRole("button", { name: "Ask it" }).click();
  await page.locator(".headline.model > strong", { hasText: "200" }).waitFor();
  await page.getByText("90 %: 100 to 300").waitFor();

  await page.goto(`${url}/ask`);
  await page.getByLabel("Question", { exact: true }).fill("Which route will the convoy take?");
  await page.getByRole("button", { name: "Ask it" }).click();
  await page.getByRole("alert").getByText(/exists already/).waitFor();
  browser.complaints = browser.complaints.filter((text) => !/409/.test(text));
  await page.close();
});

test("a source and a network are added in the page, a question put on its node, the network revised", async () => {
  const page = await browser.page("/sources", "main h1");
  await page.getByRole("button", { name: "Add a source" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Harbour master");
  await dialog.getByRole("button", { name: "Add it" }).click();
  await dialog.getByText(/^Recorded/).waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.locator(".source-row", { hasText: "Harbour master" }).waitFor();

  await page.getByRole("link", { name: "Networks", exact: true }).click();
  await page.getByRole("button", { name: "Declare a network" }).click();
  const text = dialog.getByLabel("The network, as YAML");
  await dialog.getByText("2 nodes and 1 arc").waitFor();
  const whole = await text.inputValue();
  const line = whole.split("\n").findIndex((one) => one.includes("parents:")) + 1;
  await text.fill(whole.replace("parents:", "parnets:"));
  await dialog.getByText(new RegExp(`Line ${line}: .*parnets is no field of Node`)).waitFor();
  assert.ok(await dialog.getByRole("button", { name: "Declare it" }).isDisabled());
  await text.fill(whole);
  await dialog.getByText("2 nodes and 1 arc").waitFor();
  await dialog.getByRole("button", { name: "Declare it" }).click();
  await dialog.getByRole("link", { name: "Look at the network" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".graph .node").length === 2);

  await page.locator(".graph .node").nth(1).click();
  await page.getByRole("link", { name: "Ask a question about it" }).click();
  await page.getByLabel("Question", { exact: true }).fill("Will the dockers strike?");
  await page.getByRole("button", { name: "Ask it" }).click();
  // 0.3 x 0.7 + 0.5 x 0.3 + 0.2 x 0.05
  await page.locator(".headline.model > strong", { hasText: "37.00 %" }).waitFor();

  await page.goto(`${url}/networks/harbour-strike`);
  await page.getByRole("button", { name: "Revise" }).click();
  await dialog.getByText("2 nodes and 1 arc").waitFor();
  const model = await text.inputValue();
  assert.match(model, /kind: Network\nid: harbour-strike\n/);
  assert.ok(model.includes("[0.7, 0.3]"), model);
  await text.fill(model.replace("[0.7, 0.3]", "[0.8, 0.2]"));
  await dialog.getByText("2 nodes and 1 arc").waitFor();
  await dialog.getByLabel("Why").fill("The dockers have voted");
  await dialog.getByRole("button", { name: "Revise it" }).click();
  await dialog.getByText(/^Recorded/).waitFor();
  const { network } = await call("NetworkService/GetNetwork", { name: "networks/harbour-strike" });
  assert.equal(network.modelRevision, "2");
  assert.deepEqual(network.model.nodes[1].rows.rows[0].fixed.probabilities, [0.8, 0.2]);
  await page.close();
});

test("a resolution is corrected and then annulled, and every score follows", async () => {
  await makeRain("fair-amended");
  await call("ForecastService/CreateForecast", {
    parent: "questions/fair-amended",
    forecast: { forecaster: "forecasters/analyst-1", probabilities: [{ state: "yes", probability: 0.7 }, { state: "no", probability: 0.3 }] },
  });
  await call("QuestionService/ResolveQuestion", { name: "questions/fair-amended", resolution: { outcome: "no" } });
  const page = await browser.page("/questions/fair-amended", "#scores tbody tr");
  const own = page.locator("#scores tbody tr", { hasText: "Analyst 1" });
  assert.match(await own.textContent(), /0\.49/);
  await page.locator(".question-actions").getByRole("button", { name: "Amend" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("What came true").selectOption("yes");
  await dialog.getByLabel("Why").fill("The gauge had been read a day late");
  await dialog.getByRole("button", { name: "Amend" }).click();
  await dialog.getByText(/^Recorded/).waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.locator("#scores tbody tr", { hasText: "Analyst 1" }).filter({ hasText: "0.09" }).waitFor();
  await page.locator(".question-actions").getByRole("button", { name: "Amend" }).click();
  await dialog.getByRole("radio", { name: "Annul it" }).check();
  await dialog.getByLabel("Why").fill("The fair was called off");
  await dialog.getByRole("button", { name: "Annul", exact: true }).click();
  await dialog.getByText(/^Recorded/).waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.locator(".question-head .chip.bad", { hasText: "Annulled" }).waitFor();
  assert.equal(await page.locator(".question-actions").count(), 0);
  await page.close();
});

test("a question that hides its pool shows it to whoever has forecast", async () => {
  await call("QuestionService/CreateQuestion", {
    questionId: "apart",
    question: { title: "Will the bridge open in May?", closeTime: "2040-01-01T00:00:00Z", hidesPool: true, prior: { fixed: { probabilities: [0.5, 0.5] } } },
  });
  await call("ForecastService/CreateForecast", {
    parent: "questions/apart",
    forecast: { forecaster: "forecasters/analyst-2", probabilities: [{ state: "yes", probability: 0.31 }, { state: "no", probability: 0.69 }], rationale: "The piers are not dry" },
  });
  const fresh = await Browser.open();
  try {
    const page = await fresh.page("/questions/apart", "#bridge .sum");
    await page.locator(".headline.pool").getByText("hidden", { exact: true }).waitFor();
    await page.getByText("What others say is hidden until you have forecast.").waitFor();
    for (const text of ["31.00 %", "The piers are not dry"]) assert.equal(await page.getByText(text).count(), 0, text);
    const lines = await page.locator("#history .reading").textContent();
    assert.ok(!lines.includes("Pool"), lines);
    await page.locator(".question-actions").getByRole("button", { name: "Forecast" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Where the others stand is shown when your forecast is recorded.").waitFor();
    assert.equal(await dialog.getByRole("spinbutton").inputValue(), "50");
    await dialog.getByLabel("Forecaster").selectOption("analyst-1");
    await dialog.getByRole("spinbutton").fill("60");
    await dialog.getByRole("button", { name: "Record the forecast" }).click();
    await dialog.getByText(/^Recorded/).waitFor();
    await dialog.getByRole("button", { name: "Done" }).click();
    await page.locator("#forecasters").getByText("The piers are not dry").waitFor();
    await page.locator("#forecasters .you").waitFor();
    fresh.assertClean();
  } finally {
    await fresh.close();
  }
});

test("where the server answers nobody whom it does not know, a token is asked for and shown to it", async () => {
  const fresh = await Browser.open();
  const known = "Bearer credence_of_a_reader";
  // As a server with --access required does.
  await fresh.context.route(/\/credence\.v1\./, (route) => (route.request().headers().authorization === known
    ? route.continue()
    : route.fulfill({ status: 401, json: { code: "unauthenticated", message: "who calls is not known" } })));
  try {
    const page = await fresh.context.newPage();
    await page.goto(url);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByLabel("Token").fill("credence_of_nobody");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("is not, or no longer, let in").waitFor();
    await page.getByLabel("Token").fill(known.slice(7));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForSelector(".rows .row");
    await page.locator('.live[data-state="live"]').waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.deepEqual(fresh.foreign, []);
  } finally {
    await fresh.close();
  }
});

test("an error of the server is told with its field, and nothing is recorded", async () => {
  await makeRain("fair-refused");
  const page = await browser.page("/questions/fair-refused", "#bridge .sum");
  await page.locator(".question-actions").getByRole("button", { name: "Add a report" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("What was reported").fill("A report of tomorrow");
  await dialog.getByLabel("Where it can be read").fill("https://example.org/a");
  const size = await treeSize();
  await dialog.getByLabel("Cluster").fill("x".repeat(5000));
  await dialog.getByRole("alert").first().waitFor();
  assert.match(await dialog.getByRole("alert").first().textContent(), /cluster/);
  assert.equal(await treeSize(), size);
  await page.close();
  // The browser logs each answer that is an error.
  browser.complaints = browser.complaints.filter((text) => !/400/.test(text));
});

test("the dialogs are accessible", async () => {
  await makeRain("fair-dialogs");
  const page = await browser.page("/questions/fair-dialogs", "#bridge .sum");
  for (const name of ["Add a report", "Forecast", "Resolve"]) {
    await page.locator(".question-actions").getByRole("button", { name }).click();
    await page.waitForSelector("dialog .preview");
    await page.waitForTimeout(400);
    assert.deepEqual(await violations(page), [], name);
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
  }
  await page.close();
});

test("nothing was asked of another host, and the browser had nothing to complain of", () => {
  browser.assertClean();
});
