import { useConvexConnectionState } from "convex/react";
import { useEffect, useState } from "react";

/** Shorter cuts are mended before anybody could read of them. */
const PATIENCE_MS = 1_500;

/** Says that the server is away, and that nothing written meanwhile is lost. */
export function ConnectionBanner() {
  const { isWebSocketConnected, hasInflightRequests } = useConvexConnectionState();
  const [isAway, setAway] = useState(false);
  useEffect(() => {
    if (isWebSocketConnected) {
      setAway(false);
      return;
    }
    const timer = setTimeout(() => setAway(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isWebSocketConnected]);
  return (
    <div role="status" className="banner" hidden={!isAway}>
      {isAway && `Connection lost. ${hasInflightRequests ? PENDING : ""}Trying again…`}
    </div>
  );
}

const PENDING = "What you have written is sent as soon as it is back. ";
