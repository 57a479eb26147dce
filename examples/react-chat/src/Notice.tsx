import type { ReactNode } from "react";

/** What stands where there is nothing else to show. */
export function Notice(props: { title?: string; busy?: boolean; children: ReactNode }) {
  return (
    <div className="notice" role="status" aria-busy={props.busy ?? false}>
      {props.title !== undefined && <h2>{props.title}</h2>}
      <p>{props.children}</p>
    </div>
  );
}
