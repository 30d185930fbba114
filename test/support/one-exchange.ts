import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import { apiKeyRequest } from "../../functions/auth-core/rules/upstream/upstream-request.ts";
import { steppedClock } from "./clock.ts";
import { fakeRegistration } from "../../fixtures/registration.ts";

// A process that makes one API-key request and ends only if nothing keeps it alive: `one-exchange.ts BASE_URL`.
const registration = fakeRegistration({ baseUrl: process.argv[2] });
const answer = await smartServices(steppedClock()).call(apiKeyRequest(registration), registration);
console.log(answer.kind);
