import type { FailedMessage } from "./useSend";

const SHOWN = 400;

interface Props {
  failed: FailedMessage[];
  retry: (message: FailedMessage) => void;
  discard: (message: FailedMessage) => void;
}

/** The messages that the server has refused, each with a way to send it again. */
export function FailedMessages({ failed, retry, discard }: Props) {
  return failed.map((message) => (
    <div key={message.key} className="message user failed" role="alert">
      <header>Not sent</header>
      <p>{shortened(message.content)}</p>
      <p className="reason">{message.reason}</p>
      <button type="button" onClick={() => retry(message)}>
        Send again
      </button>
      <button type="button" onClick={() => discard(message)}>
        Discard
      </button>
    </div>
  ));
}

function shortened(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
