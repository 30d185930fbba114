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
    private static async Task PrintAsync()
    {
        // Make one of each for the whole process: they hold the tokens and the connections.
        var smartServices = new BrokerClient(new BrokerOptions
        {
            Broker = Environment.GetEnvironmentVariable("BROKER_URL"),
            Credential = Credential.CallerKey(
                Environment.GetEnvironmentVariable("BROKER_CALLER"), Environment.GetEnvironmentVariable("BROKER_CALLER_KEY")),
        }).Connection("webapicorso");
        var http = smartServices.CreateHttpClient();

        var token = await smartServices.TokenAsync();
        using (var response = await http.GetAsync("api/v1/" + token.Scope + "/CO/Customers"))
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
        // A wrong option is an ArgumentException. The broker's failures are HttpRequestExceptions too, with a Code.
        catch (Exception error) when (error is ArgumentException || error is HttpRequestException)
        {
            Console.Error.WriteLine(error.Message);
            return 1;
        }
    }
}
