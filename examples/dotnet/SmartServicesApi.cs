// Calls the business API with a token that the broker issues by OAuth, with HttpClient. Prints each response.
// Arguments: paths below the scope, like CO/Customers.
//
//   SMART_SERVICES_HOST        URL of the broker, https://…
//   SMART_SERVICES_CLIENT_ID   name of your entry in the list of callers
//   SMART_SERVICES_CREDENTIAL  your caller key, stb_…
//   SMART_SERVICES_SCOPE       the connection's id or the vendor's scope, if your entry has several connections
//   SMART_SERVICES_API         URL of the business API, https://…
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

[DataContract]
public class TokenResponse
{
    [DataMember(Name = "access_token")] public string AccessToken { get; set; }
    [DataMember(Name = "expires_in")] public int ExpiresIn { get; set; }
    [DataMember(Name = "scope")] public string Scope { get; set; }
}

/// <summary>Keeps its token until 30 s before it expires. Use one for the whole process.</summary>
public class SmartServicesApi
{
    // Longer than the broker waits for Smart Services.
    private static readonly HttpClient Http = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };

    private readonly string host, clientId, callerKey, scope, api;
    private readonly SemaphoreSlim oneAtATime = new SemaphoreSlim(1);
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private TokenResponse token;
    private double renewAt;

    public SmartServicesApi(string host, string clientId, string callerKey, string scope, string api)
    {
        this.host = host;
        this.clientId = clientId;
        this.callerKey = callerKey;
        this.scope = scope;
        this.api = api;
    }

    /// <summary>Returns the response of the business API. Throws if it is not successful.</summary>
    public async Task<string> GetAsync(string path)
    {
        var current = await TokenAsync(null);
        var response = await SendAsync(path, current);
        if (response.StatusCode == HttpStatusCode.Unauthorized)
        {
            response.Dispose();
            response = await SendAsync(path, await TokenAsync(current));
        }
        using (response)
        {
            response.EnsureSuccessStatusCode();
            return await response.Content.ReadAsStringAsync();
        }
    }

    private Task<HttpResponseMessage> SendAsync(string path, TokenResponse current)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, $"{api}/api/v1/{current.Scope}/{path}");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", current.AccessToken);
        return Http.SendAsync(request);
    }

    /// <summary>A token that is not the rejected one. One request at a time, however many threads need it.</summary>
    private async Task<TokenResponse> TokenAsync(TokenResponse rejected)
    {
        await oneAtATime.WaitAsync();
        try
        {
            if (token != null && token != rejected && clock.Elapsed.TotalSeconds < renewAt) return token;
            token = await FetchTokenAsync(rejected);
            renewAt = clock.Elapsed.TotalSeconds + token.ExpiresIn - 30;
            return token;
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    private async Task<TokenResponse> FetchTokenAsync(TokenResponse rejected)
    {
        var form = new Dictionary<string, string> { { "grant_type", "client_credentials" } };
        if (!string.IsNullOrEmpty(scope)) form["scope"] = scope;
        if (rejected != null) form["rejected_token_sha256"] = Sha256(rejected.AccessToken);
        var request = new HttpRequestMessage(HttpMethod.Post, host + "/oauth/token");
        request.Content = new FormUrlEncodedContent(form);
        var credentials = Convert.ToBase64String(Encoding.UTF8.GetBytes(clientId + ":" + callerKey));
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", credentials);
        using (var response = await Http.SendAsync(request))
        {
            if (!response.IsSuccessStatusCode)
            {
                var reason = await response.Content.ReadAsStringAsync();
                throw new HttpRequestException($"The broker answered {(int)response.StatusCode}: {reason}");
            }
            var json = new DataContractJsonSerializer(typeof(TokenResponse));
            return (TokenResponse)json.ReadObject(await response.Content.ReadAsStreamAsync());
        }
    }

    private static string Sha256(string text)
    {
        using (var sha256 = SHA256.Create())
        {
            var hash = sha256.ComputeHash(Encoding.UTF8.GetBytes(text));
            return BitConverter.ToString(hash).Replace("-", "").ToLowerInvariant();
        }
    }

    private static string Setting(string name)
    {
        var value = Environment.GetEnvironmentVariable("SMART_SERVICES_" + name);
        if (!string.IsNullOrEmpty(value)) return value;
        Console.Error.WriteLine($"SMART_SERVICES_{name} is not set");
        Environment.Exit(1);
        return null;
    }

    public static int Main(string[] paths)
    {
        var client = new SmartServicesApi(Setting("HOST"), Setting("CLIENT_ID"), Setting("CREDENTIAL"),
            Environment.GetEnvironmentVariable("SMART_SERVICES_SCOPE"), Setting("API"));
        try
        {
            foreach (var path in paths) Console.WriteLine(client.GetAsync(path).GetAwaiter().GetResult());
            return 0;
        }
        // HttpClient throws TaskCanceledException if the time-out passes.
        catch (Exception error) when (error is HttpRequestException || error is TaskCanceledException)
        {
            Console.Error.WriteLine(error.Message);
            return 1;
        }
    }
}
