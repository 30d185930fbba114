// A service that uses the .NET client. It reads commands from its input, and prints a line for each, so that a test can
// control it: fields are separated by tabs. The arguments: URL of the broker, seconds of its timeout, whether redirects are followed.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using SmartTokenBroker;

internal static class Service
{
    private static readonly List<object> Seen = new List<object>();
    private static BrokerClient client;
    private static Connection connection;
    private static HttpClient http;
    private static readonly ManualResetEventSlim Open = new ManualResetEventSlim(true);
    private static readonly ShiftedTime Time = new ShiftedTime();

    private static void Main(string[] arguments)
    {
        System.Net.ServicePointManager.DefaultConnectionLimit = 50;
        client = new BrokerClient(new BrokerOptions
        {
            Broker = arguments[0],
            Credential = Credential.Jwt(_ =>
            {
                // As a name that is looked up: it blocks the thread.
                Open.Wait();
                return Task.FromResult("fake-jwt");
            }),
            Timeout = TimeSpan.FromSeconds(double.Parse(arguments[1], CultureInfo.InvariantCulture)),
            OnEvent = happened =>
            {
                Seen.AddRange(new object[] { happened, happened.Reason, happened.Error });
                throw new Exception("A log that fails.");
            },
        }, Time);
        connection = client.Connection("webapicorso");
        http = connection.CreateHttpClient(arguments[2] == "true" ? new HttpClientHandler() : null);
        Seen.AddRange(new object[] { client, connection, http });
        for (var line = Console.ReadLine(); line != null; line = Console.ReadLine()) Console.WriteLine(Result(line.Split('\t')));
    }

    private static string Result(string[] command)
    {
        try
        {
            return RunAsync(command).GetAwaiter().GetResult();
        }
        catch (Exception error)
        {
            Seen.Add(error);
            var failure = error as BrokerException;
            var message = error.Message.Replace("\n", " ");
            return string.Join("\t", error.GetType().Name, failure?.Code, failure?.Status, message, failure?.RequestId);
        }
    }

    private static async Task<string> RunAsync(string[] command)
    {
        switch (command[0])
        {
            case "get":
                return await ReadAsync(await http.GetAsync(command[1]));
            case "post":
                var part = command[2] == "parts" ? new StringContent(command[3]) : (HttpContent)new StreamContent(new ReadOnceStream(command[3]));
                return await ReadAsync(await http.PostAsync(command[1], new MultipartFormDataContent { { part, "field" } }));
            case "cancel":
                using (var source = new CancellationTokenSource())
                {
                    var call = http.GetAsync(command[1], source.Token);
                    await Console.In.ReadLineAsync();
                    source.Cancel();
                    return await ReadAsync(await call);
                }
            case "many":
                var count = int.Parse(command[1], CultureInfo.InvariantCulture);
                // From threads of the pool, so that they meet in the client.
                var calls = Enumerable.Range(0, count).Select(_ => Task.Run(() => http.GetAsync(command[2])));
                var statuses = (await Task.WhenAll(calls)).Select(each => (int)each.StatusCode);
                return string.Join(" ", statuses.GroupBy(each => each).Select(each => each.Key + "x" + each.Count()));
            case "token":
                var token = await (command.Length > 1 ? client.Connection(command[1]) : connection).TokenAsync();
                Seen.Add(token);
                return token.Reveal();
            case "quote":
                var quoted = new BrokerClient(new BrokerOptions
                {
                    Broker = "https://broker.test",
                    Credential = Credential.Jwt(_ => Task.FromResult("fake-jwt")),
                    BrokerHandler = new QuotingHandler(),
                    OnEvent = happened => Seen.Add(happened.Error),
                });
                return (await quoted.Connection("webapicorso").TokenAsync()).Reveal();
            case "advance":
                Time.Shift += TimeSpan.FromSeconds(int.Parse(command[1], CultureInfo.InvariantCulture));
                return "";
            case "block":
                Open.Reset();
                return "";
            case "release":
                Open.Set();
                return "";
            case "shown":
                return string.Join(" ", Seen).Replace("\r", "").Replace("\n", " ");
            default:
                throw new Exception("Unknown command " + command[0]);
        }
    }

    private static async Task<string> ReadAsync(HttpResponseMessage response)
    {
        Seen.AddRange(new object[] { response, response.RequestMessage });
        var text = await response.Content.ReadAsStringAsync();
        return (int)response.StatusCode + "\t" + text.Replace("\r", "").Replace("\n", " ");
    }

    /// <summary>Fails, and quotes the request in its exception, as a proxy or a log of a service can.</summary>
    private sealed class QuotingHandler : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            throw new HttpRequestException("No route for " + await request.Content.ReadAsStringAsync());
        }
    }

    /// <summary>The time of this machine, and what a test adds to it.</summary>
    private sealed class ShiftedTime : Runtime
    {
        internal TimeSpan Shift;

        internal override DateTimeOffset UtcNow => base.UtcNow + Shift;

        internal override TimeSpan Monotonic => base.Monotonic + Shift;
    }

    /// <summary>A stream as from a socket: it cannot go back.</summary>
    private sealed class ReadOnceStream : MemoryStream
    {
        internal ReadOnceStream(string text) : base(Encoding.UTF8.GetBytes(text))
        {
        }

        public override bool CanSeek => false;
    }
}
