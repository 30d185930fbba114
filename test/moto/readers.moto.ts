import { inject, it } from "vitest";
import { expectBothReadersAt } from "../adapters/readers.ts";

it("An item in moto's DynamoDB is the same for both readers, and the lean one needs no SDK", () =>
  expectBothReadersAt(inject("motoUrl")));
