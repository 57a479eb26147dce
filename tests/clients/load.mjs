/**
 * Send numbered messages, ten at a time, and report when each one was acknowledged.
 *
 * It stands alone, so that it can run in a page too. Each of the ten rests a moment after a message,
 * so that the load lasts until the test has done to the server what it wants to do.
 *
 * @param {(content: string) => Promise<any>} send
 * @param {{ name: string, from: number, count: number }} work
 * @param {(line: { acknowledged: string, atMs: number }) => void} onAcknowledged
 */
export async function sendMessages(send, { name, from, count }, onAcknowledged) {
  let next = from;
  const sendInTurn = async () => {
    while (next < from + count) {
      const content = `${name} ${next++}`;
      await send(content);
      onAcknowledged({ acknowledged: content, atMs: Date.now() });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await Promise.all(Array.from({ length: 10 }, sendInTurn));
}
