<?php
// Calls the business API with a token that the broker issues by the vendor's form, with curl. Prints each response.
// Usage: php curl_client.php PATH...   A path is below the scope, like CO/Customers.
//
//   SMART_SERVICES_HOST        URL of the broker, https://…
//   SMART_SERVICES_CREDENTIAL  your caller key, stb_…
//   SMART_SERVICES_API         URL of the business API, https://…
declare(strict_types=1);

/** Keeps its token until 30 s before it expires. */
final class SmartServices
{
    private array $token = [];
    private float $renewAt = 0;

    public function __construct(
        private string $host,
        #[\SensitiveParameter] private string $credential,
        private string $api,
    ) {
    }

    public function get(string $path): string
    {
        if (hrtime(true) / 1e9 >= $this->renewAt) {
            $this->fetchToken();
        }
        [$status, $body] = $this->call($path);
        if ($status === 401) {
            $this->fetchToken(['rejected_token_sha256' => hash('sha256', $this->token['access_token'])]);
            [$status, $body] = $this->call($path);
        }
        if ($status < 200 || $status >= 300) {
            throw new RuntimeException("The business API answered $status: $body");
        }
        return $body;
    }

    private function call(string $path): array
    {
        $headers = ['Authorization: Bearer ' . $this->token['access_token']];
        return $this->send("{$this->api}/api/v1/{$this->token['scope']}/$path", [CURLOPT_HTTPHEADER => $headers]);
    }

    private function fetchToken(array $more = []): void
    {
        // An array makes it a multipart form, as in the vendor's example.
        [$status, $body] = $this->send("{$this->host}/api/v1/auth/token", [CURLOPT_POSTFIELDS => [
            'username' => 'admin_webapicorso',
            'scope' => 'webapicorso_alywebapicorso',
            'token' => "Bearer {$this->credential}",
        ] + $more]);
        if ($status !== 200) {
            throw new RuntimeException("The broker answered $status: $body");
        }
        $this->token = json_decode($body, true, flags: JSON_THROW_ON_ERROR);
        $this->renewAt = hrtime(true) / 1e9 + $this->token['expires_in'] - 30;
    }

    /**
     * Status and body. The limit of 30 s is longer than the broker waits for Smart Services. Never CURLOPT_FOLLOWLOCATION: a
     * redirect would send the credential to another server.
     */
    private function send(string $url, array $options): array
    {
        $curl = curl_init($url);
        curl_setopt_array($curl, $options + [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 30]);
        $body = curl_exec($curl);
        if ($body === false) {
            throw new RuntimeException(curl_error($curl));
        }
        return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $body];
    }
}

/** The value of an environment variable. */
function setting(string $name): string
{
    $value = (string) getenv("SMART_SERVICES_$name");
    if ($value === '') {
        fwrite(STDERR, "SMART_SERVICES_$name is not set\n");
        exit(1);
    }
    return $value;
}

$settings = array_map('setting', ['HOST', 'CREDENTIAL', 'API']);
try {
    $client = new SmartServices(...$settings);
    foreach (array_slice($argv, 1) ?: throw new RuntimeException('Usage: php curl_client.php PATH...') as $path) {
        echo $client->get($path), "\n";
    }
} catch (RuntimeException $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit(1);
}
