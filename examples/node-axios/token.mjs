// Requests an access token as the vendor's example does, with axios and form-data. Prints the response; fails if it is not a
// token. Install: npm install axios form-data
//
//   SMART_SERVICES_HOST        URL of the broker, https://…
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
  /** Returns the token response: `access_token`, and `expires_in`, the seconds that are left of it now. */
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
      // A redirect would send the credential to another server.
      maxRedirects: 0,
      validateStatus: (status) => status === 200,
    });
    return response.data;
  }
}

try {
  console.log(JSON.stringify(await new SmartServicesClient().fetchToken()));
} catch (error) {
  // Do not print the whole error: axios keeps the request in it, with the credential.
  console.error(error.message, ...(error.response ? [JSON.stringify(error.response.data)] : []));
  process.exitCode = 1;
}
