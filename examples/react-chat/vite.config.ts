import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env.REALTIME_URL ?? "http://127.0.0.1:3210";

// The page and the server share one address, in development as in production.
const proxy = {
  "/api": { target: server, ws: true },
  "/demo.json": { target: server },
};

export default defineConfig({
  plugins: [react()],
  base: "./",
  server: { proxy },
  preview: { proxy },
});
