// Calls Smart Services with packages/dotnet/SmartTokenBrokerHandler.cs, and prints the response.
//
//   BROKER_URL         URL of the broker, https://…
//   BROKER_CALLER      name of your entry in the broker's list of callers
//   BROKER_CALLER_KEY  its caller key, stb_…
using System;
using System.Net.Http;
using System.Threading.Tasks;
using SmartTokenBroker;

public static class Customers
{
    // One of each for the whole process: they hold the tokens and the connections.
    private static readonly Connection SmartServices = new BrokerClient(new BrokerOptions
    {
        Broker = Environment.GetEnvironmentVariable("BROKER_URL"),
        Credential = Credential.CallerKey(
            Environment.GetEnvironmentVariable("BROKER_CALLER"), Environment.GetEnvironmentVariable("BROKER_CALLER_KEY")),
    }).Connection("webapicorso");

    private static readonly HttpClient Http = SmartServices.CreateHttpClient();

    private static async Task PrintAsync()
    {
        var token = await SmartServices.TokenAsync();
        using (var response = await Http.GetAsync("api/v1/" + token.Scope + "/CO/Customers"))
        {
            response.EnsureSuccessStatusCode();
            Console.WriteLine(await response.Content.ReadAsStringAsync());
        }
    }

    public static int Main()
    {
        try
        {
            PrintAsync().GetAwaiter().GetResult();
            return 0;
        }
        catch (HttpRequestException error)
        {
            // The broker's failures are HttpRequestExceptions too, with a Code.
            Console.Error.WriteLine(error.Message);
            return 1;
        }
    }
}
