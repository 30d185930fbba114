// Requests an access token as the vendor's example does, with HttpClient. Prints the response; fails if it is not a token.
//
//   SMART_SERVICES_HOST        URL of the broker, https://…
//   SMART_SERVICES_CREDENTIAL  your caller key, stb_…
using System;
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;

public class SmartServicesClient
{
    // One for the whole process, because each client has its own connection pool. A redirect would send the credential to
    // another server.
    private static readonly HttpClient Http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });

    private readonly string host;
    private readonly string credential;

    public SmartServicesClient(string host, string credential)
    {
        this.host = host;
        this.credential = credential;
    }

    /// <summary>Returns the token response as JSON. Throws if the response is not a token.</summary>
    public async Task<string> FetchTokenAsync()
    {
        using (var request = new HttpRequestMessage(HttpMethod.Post, host + "/api/v1/auth/token"))
        {
            request.Headers.Add("accept-language", "it-IT");
            request.Headers.Add("Accept", "application/json");
            var content = new MultipartFormDataContent();
            content.Add(new StringContent("admin_webapicorso"), "username");
            content.Add(new StringContent("webapicorso_alywebapicorso"), "scope");
            content.Add(new StringContent("Bearer " + credential), "token");
            request.Content = content;

            using (var response = await Http.SendAsync(request))
            {
                var text = await response.Content.ReadAsStringAsync();
                if (response.StatusCode == HttpStatusCode.OK) return text;
                throw new HttpRequestException("The broker answered " + (int)response.StatusCode + ": " + text);
            }
        }
    }

    public static int Main()
    {
        var client = new SmartServicesClient(
            Environment.GetEnvironmentVariable("SMART_SERVICES_HOST"),
            Environment.GetEnvironmentVariable("SMART_SERVICES_CREDENTIAL"));
        try
        {
            Console.WriteLine(client.FetchTokenAsync().GetAwaiter().GetResult());
            return 0;
        }
        catch (HttpRequestException error)
        {
            Console.Error.WriteLine(error.Message);
            return 1;
        }
    }
}
