// The frame of the page, and which view stands in it.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

import { isStranger, signIn, token } from "./lib/access";
import { ledger } from "./lib/api";
import { count } from "./lib/format";
import { liveState, size } from "./lib/live";
import { path } from "./lib/router";
import { setTheme, theme, type Theme } from "./lib/theme";
import { Problem, Skeleton } from "./ui/parts";
import { isFirst, Questions } from "./views/questions";
import { SignIn } from "./views/sign_in";

const LINKS = [
  ["/", "Questions"], ["/networks", "Networks"], ["/sources", "Sources"], ["/scores", "Scores"], ["/ledger", "Ledger"],
] as const;

const LIVE_TEXT = {
  connecting: "connecting", live: "live", resting: "resting", lost: "not connected",
};

// Views other than the first come when they are asked for.
const LATER: [RegExp, () => Promise<ComponentType<{ id: string }>>][] = [
  [/^\/questions\/([^/]+)$/, () => import("./views/question/page").then((m) => m.QuestionPage)],
  [/^\/networks(?:\/([^/]+))?$/, () => import("./views/network/page").then((m) => m.NetworkPage)],
  [/^\/ask$/, () => import("./views/ask").then((m) => m.AskPage)],
  [/^\/sources$/, () => import("./views/sources").then((m) => m.SourcesPage)],
  [/^\/scores$/, () => import("./views/scores/page").then((m) => m.ScoresPage)],
  [/^\/ledger$/, () => import("./views/ledger/page").then((m) => m.LedgerPage)],
];

function View() {
  const here = path.value;
  const index = LATER.findIndex(([pattern]) => pattern.test(here));
  const [loaded, setLoaded] = useState<{ index: number; view: ComponentType<{ id: string }> }>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    const load = LATER[index]?.[1];
    setError(undefined);
    load?.().then((view) => setLoaded({ index, view }), setError);
  }, [index]);
  if (isFirst(here)) return <Questions />;
  if (index < 0) return <Nowhere />;
  if (error !== undefined) return <Problem error={error} />;
  if (loaded?.index !== index) return <Skeleton height={400} />;
  const { view: Later } = loaded;
  const id = LATER[index]![0].exec(here)?.[1] ?? "";
  return <Later id={id} key={id} />;
}

function Nowhere() {
  return (
    <>
      <h1 tabIndex={-1}>There is no such page</h1>
      <p><a href="/">All questions</a></p>
    </>
  );
}

function Top() {
  const here = path.value;
  return (
    <header class="top">
      <div class="top-in">
        <a class="brand" href="/"><img src="/icon.svg" alt="" />Credence</a>
        <nav class="nav" aria-label="Main">
          {LINKS.map(([to, text]) => {
            const current = to === "/" ? here === "/" || here === "/ask" || here.startsWith("/questions") : here.startsWith(to);
            return <a key={to} href={to} aria-current={current ? "page" : undefined}>{text}</a>;
          })}
        </nav>
        <div class="top-end">
          <a class="live" href="/ledger" data-state={liveState.value} title="How the page follows the ledger">
            <i aria-hidden="true" />{LIVE_TEXT[liveState.value]}
            {size.value !== undefined && <b class="number">· {count(size.value)} events</b>}
          </a>
          {token() !== "" && !isStranger.value && (
            <button type="button" class="button quiet" onClick={() => signIn("")}>Sign out</button>
          )}
          <label class="theme">
            <span class="hidden">Colours</span>
            <select
              value={theme.value}
              onChange={(event) => setTheme(event.currentTarget.value as Theme)}
            >
              <option value="system">Auto</option>
              <option value="light">Light</option>
              <option value="dark">Dark</option>
            </select>
          </label>
        </div>
      </div>
    </header>
  );
}

function Foot() {
  const [text, setText] = useState("");
  useEffect(() => {
    ledger.getServerInfo({}).then(
      (info) => setText(`${info.origin} · Credence ${info.version} · engine ${info.engineVersion}`),
      () => setText(""),
    );
  }, []);
  return (
    <footer class="foot">
      <span>{text}</span>
      <span>All times are UTC.</span>
      <a href="/licences.txt">Licences of the parts</a>
    </footer>
  );
}

export function App() {
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        document.getElementById("main")?.focus();
      }}>Skip to the content</a>
      <Top />
      <main id="main" tabIndex={-1}>{isStranger.value ? <SignIn /> : <View />}</main>
      <Foot />
    </>
  );
}
