// Asks for an access token in the vendor's words, with axios and form-data (npm install axios form-data). Prints the
// answer; ends with an error for any but a token.
//
//   SMART_SERVICES_HOST        the broker, https://…
//   SMART_SERVICES_CREDENTIAL  your caller key, stb_…
import axios from "axios";
import FormData from "form-data";

const { SMART_SERVICES_HOST: host, SMART_SERVICES_CREDENTIAL: credential } = process.env;
for (const name of ["SMART_SERVICES_HOST", "SMART_SERVICES_CREDENTIAL"]) {
  if (process.env[name]) continue;
  console.error(`${name} is not set`);
  process.exit(1);
}

class SmartServicesClient {
  /** The answer of the token endpoint: `access_token`, and `expires_in`, the seconds that are left of it now. */
  async fetchToken() {
    const form = new FormData();
    form.append("username", "admin_webapicorso");
    form.append("scope", "webapicorso_alywebapicorso");
    form.append("token", `Bearer ${credential}`);

    const response = await axios.request({
      method: "post",
      url: `${host}/api/v1/auth/token`,
      headers: {
        "accept-language": "it-IT",
        "Content-Type": "multipart/form-data",
        Accept: "application/json",
        ...form.getHeaders(),
      },
      data: form,
    });
    return response.data;
  }
}

try {
  console.log(JSON.stringify(await new SmartServicesClient().fetchToken()));
} catch (error) {
  // Not the error as it is: axios keeps the request in it, and with it the credential.
  console.error(error.message, JSON.stringify(error.response?.data));
  process.exitCode = 1;
}
