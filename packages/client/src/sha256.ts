import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";

type Data = string | ArrayBuffer | ArrayBufferView;

/** SHA-256, or HMAC with a key, in the form that the signer of AWS's SDK takes. */
export class Sha256 {
  readonly #key: Uint8Array | string | undefined;
  #hash: Hash | Hmac;

  constructor(key?: Data) {
    this.#key = key === undefined || typeof key === "string" ? key : bytes(key);
    this.#hash = this.#start();
  }

  update(data: Data): void {
    this.#hash.update(typeof data === "string" ? data : bytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#start();
  }

  #start(): Hash | Hmac {
    return this.#key === undefined ? createHash("sha256") : createHmac("sha256", this.#key);
  }
}

function bytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
