import { inspect } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { awsIdentity } from "../../packages/client/src/aws-identity.ts";
import { clientOf, startTokenServer } from "./servers.ts";
import { issued, rejected, startSts } from "./sts.ts";

const credentials = { accessKeyId: "FAKEKEY", secretAccessKey: "fake-secret", sessionToken: "fake-session" };
const options = { region: "eu-south-1", credentials };

/** STS issues `fake-jwt-1`, `fake-jwt-2` and so on. */
async function startIssuer() {
  let count = 0;
  return startSts(() => issued(`fake-jwt-${++count}`));
}

/** Moves the wall clock on, until the end of the test. */
function advance(seconds: number): void {
  const now = Date.now() + seconds * 1000;
  const clock = vi.spyOn(Date, "now").mockReturnValue(now);
  onTestFinished(() => clock.mockRestore());
}

test("The client sends the JWT that AWS STS issues for the role, by a signed request with RS256", async () => {
  const sts = await startIssuer();
  const broker = await startTokenServer(() => "http://127.0.0.1:9");

  await clientOf(broker.url, {
    credential: awsIdentity({ ...options, audience: "fake audience", duration: 900 }),
  }).token();

  expect(broker.received[0]?.body).toContain("grant-type%3Atoken-exchange&subject_token=fake-jwt-1&");
  expect(sts.received).toMatchObject([
    {
      path: "/",
      authorization: expect.stringMatching(/Credential=FAKEKEY\/\d+\/eu-south-1\/sts\//) as string,
      body: "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=fake%20audience&SigningAlgorithm=RS256&DurationSeconds=900",
    },
  ]);
});

test.each([
  { duration: 300, seconds: 240 },
  { duration: 3600, seconds: 3540 },
  { duration: 60, seconds: 30 },
])(
  "A JWT of $duration s is sent for $seconds s, and calls at once share one request",
  async ({ duration, seconds }) => {
    const sts = await startIssuer();
    const identity = awsIdentity({ ...options, duration });

    expect(await Promise.all([identity.jwt(), identity.jwt()])).toEqual(["fake-jwt-1", "fake-jwt-1"]);
    advance(seconds - 5);
    expect(await identity.jwt()).toBe("fake-jwt-1");
    advance(6);
    expect(await Promise.all([identity.jwt(), identity.jwt()])).toEqual(["fake-jwt-2", "fake-jwt-2"]);
    expect(sts.received).toHaveLength(2);
  },
);

test.each([
  [
    "is off in the account",
    "OutboundWebIdentityFederationDisabledException",
    /off in this AWS account.+ aws iam enable-outbound/,
  ],
  ["is denied to the role", "AccessDenied", /Allow the role sts:GetWebIdentityToken .+ Fake message$/],
  ["would outlive the session", "SessionDurationEscalationException", /outlive the session .+ shorter duration/],
  ["fails otherwise", "ExpiredToken", /in eu-south-1 issued no JWT. ExpiredToken: Fake message$/],
])("If the federation %s, the error says so, and the next call asks again", async (_, code, message) => {
  const answers = [rejected(code), issued("fake-jwt-1")];
  await startSts(() => answers.shift() ?? rejected("ThisIsTooMuch"));
  const identity = awsIdentity(options);
  const client = clientOf("http://127.0.0.1:9", { credential: identity });

  await expect(client.token()).rejects.toMatchObject({
    code: "credential_unavailable",
    message: expect.stringMatching(message) as string,
  });
  expect(await identity.jwt()).toBe("fake-jwt-1");
});

test.each([
  ["is cut", "<GetWebIdentityTokenResponse><WebIdentityToken>fake-jwt"],
  ["has a damaged name", "<GetWebIdentityTokenResponse><fake-jwt></x></GetWebIdentityTokenResponse>"],
  ["has a damaged date", issued("fake-jwt")[1].replace("2030", "fake-jwt")],
  ["is empty", ""],
])("If the response of STS %s, the error shows neither the JWT nor the keys", async (_, body) => {
  await startSts(() => [200, body]);

  const error: unknown = await awsIdentity(options)
    .jwt()
    .catch((each: unknown) => each);

  expect(error).toMatchObject({ message: expect.stringMatching(/has no JWT|response is unreadable/) as string });
  expect(inspect(error, { depth: null, showHidden: true })).not.toMatch(/fake-jwt|fake-se/);
});
