import axios from "axios";
import FormData from "form-data";

const { API_KEY, BASE_URL, SCOPE, USER_NAME } = process.env;

/** The request of the vendor's page, for Node.js, in a handler: an API-key request for every token. */
export async function handler() {
  const data = new FormData();
  data.append("username", USER_NAME);
  data.append("scope", SCOPE);
  data.append("token", `Bearer ${API_KEY}`);
  const response = await axios.request({
    method: "post",
    maxBodyLength: Infinity,
    url: `${BASE_URL}/api/v1/auth/token`,
    headers: { "accept-language": "it-IT", Accept: "application/json", ...data.getHeaders() },
    data,
  });
  return { statusCode: 200, body: JSON.stringify(response.data) };
}
