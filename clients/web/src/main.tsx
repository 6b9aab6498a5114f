import { render } from "preact";

import "./styles/base.css";
import "./styles/shell.css";
import "./styles/list.css";
import { App } from "./app";
import { startLive } from "./lib/live";

startLive();
render(<App />, document.getElementById("app")!);
