import { useCallback, useEffect, useState } from "react";
import type { Id } from "./_generated/dataModel";

/** The session that the page's address names, and how to go to another. */
export function useChosenSession(
  first: Id<"sessions">,
): [Id<"sessions">, (id: Id<"sessions">) => void] {
  const [chosen, setChosen] = useState(() => sessionInAddress() ?? first);
  useEffect(() => {
    const follow = () => setChosen(sessionInAddress() ?? first);
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, [first]);
  const choose = useCallback((id: Id<"sessions">) => {
    history.pushState(null, "", `?${new URLSearchParams({ session: id })}`);
    setChosen(id);
  }, []);
  return [chosen, choose];
}

function sessionInAddress(): Id<"sessions"> | null {
  return new URLSearchParams(location.search).get("session") as Id<"sessions"> | null;
}
