// Types of the API from its protos. PROTO_DIR names the folder of the protos, PROTOC the compiler;
// ES_TARGET and ES_OUT say what is written and where: TypeScript into src/gen.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const web = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const protos = resolve(process.env.PROTO_DIR ?? join(web, "../../proto"));
const out = process.env.ES_OUT ?? join(web, "src/gen");
const target = process.env.ES_TARGET ?? "ts";

const files = ["credence/v1", "credence/event/v1", "google/rpc"].flatMap((folder) =>
  readdirSync(join(protos, folder))
    .filter((name) => name.endsWith(".proto"))
    .map((name) => join(protos, folder, name)),
);

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const plugin = join(web, "node_modules/.bin/protoc-gen-es");
const run = spawnSync(
  process.env.PROTOC ?? "protoc",
  [`--plugin=protoc-gen-es=${plugin}`, `--es_out=${out}`, `--es_opt=target=${target}`, ...(target === "js" ? ["--es_opt=import_extension=js"] : []), "-I", protos, ...files],
  { stdio: "inherit" },
);
if (run.error) throw run.error;
process.exit(run.status ?? 1);
