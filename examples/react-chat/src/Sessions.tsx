import { useMutation, useQuery } from "convex/react";
import { api } from "./_generated/api";
import type { Id } from "./_generated/dataModel";
import { errorText } from "./errorText";
import { useAttempt } from "./useAttempt";

const USER = "demo-user";
const startFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

interface Props {
  repoId: Id<"repos">;
  chosenId: Id<"sessions">;
  onChoose: (id: Id<"sessions">) => void;
}

/** The sessions of a repository, newest first, and a button for another. */
export function Sessions({ repoId, chosenId, onChoose }: Props) {
  const repo = useQuery(api.projects.get, { repoId });
  const sessions = useQuery(api.sessions.listByRepo, { repoId });
  const create = useMutation(api.sessions.create);
  const [attempt, { isPending, error }] = useAttempt();
  return (
    <nav className="sessions" aria-label="Sessions" id="sessions">
      <h1>{repo ? `${repo.githubOwner}/${repo.githubRepo}` : " "}</h1>
      <button
        type="button"
        className="button"
        disabled={isPending}
        onClick={() => void attempt(async () => onChoose(await create({ repoId, userId: USER })))}
      >
        New session
      </button>
      {error !== undefined && <p role="alert">{errorText(error)}</p>}
      <ul aria-label="Sessions, newest first" aria-busy={sessions === undefined}>
        {sessions?.map((session) => (
          <li key={session._id}>
            <a
              href={`?${new URLSearchParams({ session: session._id })}`}
              aria-current={session._id === chosenId ? "page" : undefined}
              onClick={(event) => {
                if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                event.preventDefault();
                onChoose(session._id);
              }}
            >
              {startFormat.format(session.createdAt)}
              <small>{session.userId}</small>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
