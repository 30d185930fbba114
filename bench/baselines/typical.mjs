import middy from "@middy/core";
import secretsManager from "@middy/secrets-manager";
import { moduleCache } from "./module-cache.ts";

const { BASE_URL, SECRET_ID } = process.env;

const getToken = moduleCache(async ({ username, scope, apiKey }) => {
  const body = new FormData();
  body.append("username", username);
  body.append("scope", scope);
  body.append("token", `Bearer ${apiKey}`);
  const response = await fetch(`${BASE_URL}/api/v1/auth/token`, {
    method: "POST",
    headers: { "accept-language": "it-IT", Accept: "application/json" },
    body,
  });
  if (!response.ok) throw new Error(`Smart Services responded with HTTP ${response.status}`);
  return response.json();
});

/** What a good team writes: middy, its middleware for secrets, and the token in a variable of the module. */
export const handler = middy()
  .use(secretsManager({ fetchData: { registration: SECRET_ID }, cacheExpiry: 5 * 60 * 1000, setToContext: true }))
  .handler(async (event, context) => {
    const access_token = await getToken(context.registration);
    console.log(JSON.stringify({ level: "INFO", message: "request", requestId: context.awsRequestId, status: 200 }));
    return { statusCode: 200, body: JSON.stringify({ access_token }) };
  });
