import { spawn } from "node:child_process";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const DEFAULT_URL = "http://127.0.0.1:3210";
const url = process.env.REALTIME_URL ?? DEFAULT_URL;

// The page and the server share one address, in development as in production.
const proxy = { "/api": { target: url, ws: true } };

export default defineConfig({
  plugins: [react(), realtimeDev()],
  server: { proxy },
  preview: { proxy },
  build: { outDir: "../web", emptyOutDir: true },
});

/** Serves the app as long as the page is developed, unless `REALTIME_URL` says who else does. */
function realtimeDev(): Plugin {
  return {
    name: "realtime-dev",
    apply: "serve",
    configureServer({ config }) {
      if (process.env.REALTIME_URL !== undefined) return;
      process.env.REALTIME_URL = url; // Vite may start again, with this server still there
      const server = spawn("realtime", ["dev", ".."], { stdio: "inherit" });
      server.on("error", ({ message }) => {
        config.logger.error(`The server did not start (${message}). Is \`realtime\` on the path?`);
      });
      process.on("exit", () => server.kill());
    },
  };
}
