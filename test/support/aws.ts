/** What an SDK client needs to talk to an emulator at `endpoint`; the credentials are fake. */
export function emulatorConfig(endpoint: string) {
  return { endpoint, region: "eu-south-1", credentials: { accessKeyId: "FAKEID", secretAccessKey: "fake-secret" } };
}
