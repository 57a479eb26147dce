/**
 * Send numbered messages, ten at a time, until told to pause, and report when each one was
 * acknowledged. Return the number of the message that would be next.
 *
 * It stands alone, so that it can run in a page too. Each of the ten rests a moment after a message:
 * the load lasts as long as the test wants, and need not be large.
 *
 * @param {(content: string) => Promise<any>} send
 * @param {{ name: string, from: number }} work
 * @param {(line: { acknowledged: string, atMs: number }) => void} onAcknowledged
 * @param {() => boolean} isPaused
 */
export async function sendMessages(send, { name, from }, onAcknowledged, isPaused) {
  let next = from;
  const sendInTurn = async () => {
    while (!isPaused()) {
      const content = `${name} ${next++}`;
      await send(content);
      onAcknowledged({ acknowledged: content, atMs: Date.now() });
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  await Promise.all(Array.from({ length: 10 }, sendInTurn));
  return next;
}
