import { useEffect, useState } from "react";
import type { Id } from "./_generated/dataModel";

const RETRY_MS = 2_000;

type Demo =
  | { state: "loading" }
  | { state: "missing" }
  | { state: "found"; repoId: Id<"repos">; sessionId: Id<"sessions"> };

/** Where the demo data is; asks again until the server has some. */
export function useDemo(): Demo {
  const [demo, setDemo] = useState<Demo>({ state: "loading" });
  const isFound = demo.state === "found";
  useEffect(() => {
    if (isFound) return;
    let isWanted = true;
    const ask = async () => {
      const found = await fetchDemo();
      if (isWanted) setDemo(found);
    };
    void ask();
    const timer = setInterval(() => void ask(), RETRY_MS);
    return () => {
      isWanted = false;
      clearInterval(timer);
    };
  }, [isFound]);
  return demo;
}

async function fetchDemo(): Promise<Demo> {
  try {
    const response = await fetch("/demo.json", { cache: "no-store" });
    if (response.status === 404) return { state: "missing" };
    if (response.ok) return { state: "found", ...(await response.json()) };
  } catch {
    // The server is not there yet.
  }
  return { state: "loading" };
}
