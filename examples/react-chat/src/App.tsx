import { useCallback, useState } from "react";
import type { Id } from "./_generated/dataModel";
import { ConnectionBanner } from "./ConnectionBanner";
import { Conversation } from "./Conversation";
import { ErrorBoundary } from "./ErrorBoundary";
import { Notice } from "./Notice";
import { Sessions } from "./Sessions";
import { useChosenSession } from "./useChosenSession";
import { useDemo } from "./useDemo";

/** The page: the sessions of the demo repository, and the chosen conversation. */
export function App() {
  const demo = useDemo();
  if (demo.state === "missing") {
    return (
      <Notice title="No demo data yet">
        The server runs, but it has no repository to show. Start it with{" "}
        <code>realtime dev --run seed:demo</code>; the page goes on by itself.
      </Notice>
    );
  }
  if (demo.state === "loading") return <Notice busy>Looking for the demo data…</Notice>;
  return <Workspace repoId={demo.repoId} firstSessionId={demo.sessionId} />;
}

function Workspace(props: { repoId: Id<"repos">; firstSessionId: Id<"sessions"> }) {
  const [sessionId, chooseSession] = useChosenSession(props.firstSessionId);
  const [isMenuOpen, setMenuOpen] = useState(false);
  const choose = useCallback(
    (id: Id<"sessions">) => {
      chooseSession(id);
      setMenuOpen(false);
    },
    [chooseSession],
  );
  return (
    <>
      <ConnectionBanner />
      <div className={isMenuOpen ? "workspace menu-open" : "workspace"}>
        <Sessions repoId={props.repoId} chosenId={sessionId} onChoose={choose} />
        <main className="conversation" aria-label="Conversation">
          <button
            type="button"
            className="menu-button"
            aria-expanded={isMenuOpen}
            aria-controls="sessions"
            onClick={() => setMenuOpen((isOpen) => !isOpen)}
          >
            Sessions
          </button>
          <ErrorBoundary key={sessionId} fallback={NOT_SHOWN}>
            <Conversation sessionId={sessionId} />
          </ErrorBoundary>
        </main>
      </div>
    </>
  );
}

const NOT_SHOWN = (
  <Notice title="This conversation cannot be shown">
    The address may be wrong. Choose a session from the list.
  </Notice>
);
