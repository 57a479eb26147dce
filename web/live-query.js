/**
 * A live query as a thing that is loading, ready or failed, for views to draw.
 *
 * `value` stays what it was while the connection is away, and when a later run fails.
 */
export class LiveQuery {
  /** @type {"loading" | "ready" | "failed"} */ status = "loading";
  /** @type {any} */ value = undefined;
  /** @type {Error | null} */ error = null;
  #subscribe;
  #unsubscribe;

  /** @param {any} client @param {string} path @param {object} args @param {() => void} onChange */
  constructor(client, path, args, onChange) {
    const succeed = (value) => {
      Object.assign(this, { status: "ready", value, error: null });
      onChange();
    };
    const fail = (error) => {
      Object.assign(this, { status: "failed", error });
      onChange();
    };
    this.#subscribe = () => {
      try {
        return client.subscribe(path, args, succeed, fail);
      } catch (error) {
        fail(error); // the client has ended
        return () => {};
      }
    };
    this.#unsubscribe = this.#subscribe();
  }

  /** Ask anew after a failure. */
  retry() {
    this.#unsubscribe();
    this.status = "loading";
    this.error = null;
    this.#unsubscribe = this.#subscribe();
  }

  end() {
    this.#unsubscribe();
  }
}
