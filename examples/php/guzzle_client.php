<?php
// Calls the business API with a token that the broker issues by OAuth, with Guzzle 7. Prints each response.
// Install: composer require guzzlehttp/guzzle
// Usage: php guzzle_client.php PATH...   A path is below the scope, like CO/Customers.
//
//   SMART_SERVICES_HOST        URL of the broker, https://…
//   SMART_SERVICES_CLIENT_ID   name of your entry in the list of callers
//   SMART_SERVICES_CREDENTIAL  your caller key, stb_…
//   SMART_SERVICES_SCOPE       the connection's id or the vendor's scope, if your entry has several connections
//   SMART_SERVICES_API         URL of the business API, https://…
declare(strict_types=1);

require __DIR__ . '/vendor/autoload.php';

use GuzzleHttp\Client;
use GuzzleHttp\Exception\GuzzleException;
use Psr\Http\Message\ResponseInterface;

/** Keeps its token until 30 s before it expires. */
final class SmartServices
{
    private Client $http;
    private array $token = [];
    private float $renewAt = 0;

    public function __construct(
        private string $host,
        private string $clientId,
        #[\SensitiveParameter] private string $callerKey,
        private string $api,
        private ?string $scope = null,
    ) {
        // Longer than the broker waits for Smart Services.
        $this->http = new Client(['timeout' => 30]);
    }

    public function get(string $path): string
    {
        if (hrtime(true) / 1e9 >= $this->renewAt) {
            $this->fetchToken();
        }
        $response = $this->call($path, ['http_errors' => false]);
        if ($response->getStatusCode() === 401) {
            $this->fetchToken(['rejected_token_sha256' => hash('sha256', $this->token['access_token'])]);
            $response = $this->call($path);
        } elseif ($response->getStatusCode() >= 400) {
            throw new RuntimeException("The business API answered {$response->getStatusCode()}");
        }
        return (string) $response->getBody();
    }

    private function call(string $path, array $options = []): ResponseInterface
    {
        $headers = ['Authorization' => 'Bearer ' . $this->token['access_token']];
        return $this->http->get("{$this->api}/api/v1/{$this->token['scope']}/$path", ['headers' => $headers] + $options);
    }

    private function fetchToken(array $more = []): void
    {
        $response = $this->http->post("{$this->host}/oauth/token", [
            'auth' => [$this->clientId, $this->callerKey],
            'form_params' => array_filter(['grant_type' => 'client_credentials', 'scope' => $this->scope]) + $more,
            'allow_redirects' => false, // One would send the caller key to another server.
        ]);
        if ($response->getStatusCode() !== 200) {
            throw new RuntimeException("The broker answered {$response->getStatusCode()}");
        }
        $this->token = json_decode((string) $response->getBody(), true, flags: JSON_THROW_ON_ERROR);
        $this->renewAt = hrtime(true) / 1e9 + $this->token['expires_in'] - 30;
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

$settings = array_map('setting', ['HOST', 'CLIENT_ID', 'CREDENTIAL', 'API']);
try {
    $client = new SmartServices(...$settings, scope: getenv('SMART_SERVICES_SCOPE') ?: null);
    foreach (array_slice($argv, 1) ?: throw new RuntimeException('Usage: php guzzle_client.php PATH...') as $path) {
        echo $client->get($path), "\n";
    }
} catch (GuzzleException | RuntimeException $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit(1);
}
