import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { defineConfig, type Plugin } from "vite";

// In development the page comes from Vite and its calls go on to a real server.
const server = process.env.CREDENCE_HTTP ?? "http://127.0.0.1:7701";

// The licences of the packages whose code is in the page, as a file beside it.
function licences(): Plugin {
  return {
    name: "licences",
    generateBundle(_, bundle) {
      const found = new Map<string, string>();
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        for (const id of chunk.moduleIds) {
          const match = /^\0?(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(id);
          if (match) found.set(match[2]!, match[1]!);
        }
      }
      const texts = [...found].sort().map(([name, folder]) => {
        const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
        const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
        const text = file && existsSync(join(folder, file)) ? readFileSync(join(folder, file), "utf8") : "";
        return `${name} ${version} (${license})\n\n${text.trim()}\n`;
      });
      this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join(`\n${"-".repeat(72)}\n\n`) });
    },
  };
}

export default defineConfig({
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  plugins: [licences()],
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    // Everything is a file of its own: a data: address would need a wider policy.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(
      ["/credence.v1.", "/tile", "/checkpoint"].map((path) => [path, server]),
    ),
  },
});
